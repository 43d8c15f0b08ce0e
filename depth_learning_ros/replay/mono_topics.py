# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the image of a single camera among the topics of a bag."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from depth_learning_ros.cdr.store import CAMERA_INFO
from depth_learning_ros.errors import BagError
from depth_learning_ros.replay.topics import (
    TopicInfo,
    TopicWishes,
    checked,
    find_info,
    find_stereo_topics,
    is_image,
    list_topics,
    rank_of_image,
)

# Images that show no scene: what depth cameras and this package's own bags hold.
_NO_PICTURES = ('depth', 'disparity', 'confidence', 'mask', 'label')


@dataclass(frozen=True)
class MonoTopics:
    """The two topics of a single camera."""

    left: str
    left_info: str

    @property
    def namespace(self) -> str:
        """Parent of the image: where the outputs go; empty for the root."""
        return self.left.removesuffix('/compressed').rpartition('/')[0]

    @property
    def sides(self) -> dict[str, str]:
        """Image topic -> side."""
        return {self.left: 'left'}

    @property
    def info_sides(self) -> dict[str, str]:
        """Topic of camera_info -> side."""
        return {self.left_info: 'left'}


def find_mono_topics(topics: Mapping[str, TopicInfo],
                     wishes: TopicWishes | None = None) -> MonoTopics:
    """Choose the image of a single camera and its camera_info.

    Args:
        topics: all topics of the bag by name.
        wishes: ``left`` and ``left_info`` name the image and its camera_info; without, there must
            be one camera, or one stereo pair, whose left image is taken.

    Raises:
        BagError: there is no image, more than one camera, no camera_info, or a topic that the user
            names is not there or of another type; the message lists what there is.
    """
    wishes = checked(topics, wishes or TopicWishes())
    left = wishes.left or _find_image(topics)
    infos = [t.name for t in topics.values() if t.type_name == CAMERA_INFO and t.count]
    return MonoTopics(left, wishes.left_info or find_info(topics, infos, left, '', 'left'))


def _find_image(topics: Mapping[str, TopicInfo]) -> str:
    cameras: dict[str, list[tuple[int, str]]] = {}
    for topic in topics.values():
        if is_image(topic) and topic.count and not _shows_no_picture(topic.name):
            stem = topic.name.removesuffix('/compressed')
            rank = rank_of_image(stem.rpartition('/')[2]), topic.name != stem
            cameras.setdefault(stem.rpartition('/')[0], []).append(
                (2 * rank[0] + rank[1], topic.name))
    if not cameras:
        raise BagError(f'no image was found: give --left. {list_topics(topics)}')
    if len(cameras) > 1:
        with suppress(BagError):
            return find_stereo_topics(topics).left
        raise BagError(f'there are {len(cameras)} cameras ({", ".join(sorted(cameras))}): choose '
                       f'the image of one with --left. {list_topics(topics)}')
    return min(next(iter(cameras.values())))[1]


def _shows_no_picture(name: str) -> bool:
    words = name.removesuffix('/compressed').lower().split('/')[-2:]
    return any(mark in word for word in words for mark in _NO_PICTURES)
