# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the stereo pair among the topics of a bag, or says what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from difflib import get_close_matches
import re
from typing import Protocol

from depth_learning_ros.cdr.store import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from depth_learning_ros.errors import BagError

# How the two halves of a rig are told apart in names; numbers only where two cameras are meant.
_SIDES = (
    (r'(left)', 'right'), (r'(?<![a-z0-9])(l)(?![a-z0-9])', 'r'),
    *((rf'(?:cam|camera|image|img|infra|sensor|eye)_?({one})(?![a-z0-9])', other)
      for one, other in (('0', '1'), ('1', '2'), ('2', '3'), ('00', '01'), ('02', '03'))))

# Rectified images first; among equals the colour one.
_PREFERRED = ('image_rect_color', 'image_rect', 'image_rect_raw', 'image_rect_mono', 'rectified',
              'image_color', 'image_raw', 'image_mono', 'image', '')


class TopicInfo(Protocol):
    """What must be known of a topic to choose it."""

    @property
    def name(self) -> str: ...

    @property
    def type_name(self) -> str: ...

    @property
    def count(self) -> int: ...


@dataclass(frozen=True)
class StereoTopics:
    """The four topics of a stereo pair; None = still to be found."""

    left: str
    right: str
    left_info: str
    right_info: str

    @property
    def namespace(self) -> str:
        """Common parent of the images: where the outputs go; empty for the root."""
        common: list[str] = []
        for one, other in zip(self.left.split('/')[:-1], self.right.split('/')[:-1], strict=False):
            if one != other:
                break
            common.append(one)
        return '/'.join(common)


    @property
    def sides(self) -> dict[str, str]:
        """Image topic -> side."""
        return {self.left: 'left', self.right: 'right'}

    @property
    def info_sides(self) -> dict[str, str]:
        """Topic of camera_info -> side."""
        return {self.left_info: 'left', self.right_info: 'right'}


@dataclass(frozen=True)
class TopicWishes:
    """What the user says about the topics; None = find it."""

    left: str | None = None
    right: str | None = None
    left_info: str | None = None
    right_info: str | None = None


def find_stereo_topics(topics: Mapping[str, TopicInfo],
                       wishes: TopicWishes | None = None) -> StereoTopics:
    """Choose the topics of a stereo pair.

    Args:
        topics: all topics of the bag by name.
        wishes: topics the user names; the others are looked for.

    Raises:
        BagError: there is no stereo pair, more than one, no camera_info, or a topic that the user
            names is not there or of another type; the message lists what there is.
    """
    wishes = checked(topics, wishes or TopicWishes())
    images = [t.name for t in topics.values() if is_image(t) and t.count]
    if wishes.left and wishes.right:
        left, right = wishes.left, wishes.right
    else:
        left, right = _find_pair(topics, images, wishes)
    if left == right:
        raise BagError(f'left and right are both {left}: give two different topics')
    infos = [t.name for t in topics.values() if t.type_name == CAMERA_INFO and t.count]
    left_info = wishes.left_info or find_info(topics, infos, left, right, 'left')
    right_info = wishes.right_info or find_info(topics, infos, right, left, 'right')
    if left_info == right_info:
        raise BagError(
            f'left and right would both use {left_info}: give --left-info and --right-info')
    return StereoTopics(left, right, left_info, right_info)


def list_topics(topics: Mapping[str, TopicInfo]) -> str:
    """Return a table of the image and camera_info topics, one a line."""
    shown = [t for t in topics.values() if is_image(t) or t.type_name == CAMERA_INFO]
    if not shown:
        return f'There are no image topics; there are {", ".join(topics) or "no topics at all"}.'
    width = max(len(t.name) for t in shown)
    types = max(len(t.type_name) for t in shown)
    rows = [f'  {t.name:<{width}}  {t.type_name:<{types}}  {t.count}' for t in shown]
    return '\n'.join(['Image and camera_info topics:', *rows])


def is_image(topic: TopicInfo) -> bool:
    """Tell whether a topic holds pictures, compressed or not."""
    return topic.type_name == IMAGE or (
        topic.type_name == COMPRESSED_IMAGE and not topic.name.endswith('/compressedDepth'))


def checked(topics: Mapping[str, TopicInfo], wishes: TopicWishes) -> TopicWishes:
    """Refuse names that are not there or not of the right type; add missing leading slashes."""
    found: list[str | None] = []
    options = ('--left', '--right', '--left-info', '--right-info')
    for option, wish in zip(options, astuple(wishes), strict=True):
        if wish is None:
            found.append(None)
            continue
        name = '/' + wish.strip('/')
        if name not in topics:
            near = get_close_matches(name, topics, n=1, cutoff=0.4)
            hint = f'did you mean {near[0]}? ' if near else ''
            raise BagError(f'{option} {wish} is not in the bag: {hint}{list_topics(topics)}')
        topic = topics[name]
        fits = topic.type_name == CAMERA_INFO if option.endswith('info') else is_image(topic)
        if not fits:
            wanted = CAMERA_INFO if option.endswith('info') else f'{IMAGE} or {COMPRESSED_IMAGE}'
            raise BagError(f'{option} {wish} is a {topic.type_name}: expected {wanted}. '
                           f'{list_topics(topics)}')
        if not topic.count:
            raise BagError(f'{option} {wish} has no messages. {list_topics(topics)}')
        found.append(name)
    return TopicWishes(*found)


def _find_pair(topics: Mapping[str, TopicInfo], images: Iterable[str],
               wishes: TopicWishes) -> tuple[str, str]:
    rigs: dict[str, list[tuple[int, str, str]]] = {}
    known = set(images)
    for left in images:
        for rig, rank, right in _counterparts(left):
            if right in known and wishes.left in (None, left) and wishes.right in (None, right):
                rigs.setdefault(rig, []).append((rank, left, right))
    if not rigs:
        raise BagError(f'no stereo pair was found: give --left and --right. {list_topics(topics)}')
    best = {rig: min(found) for rig, found in rigs.items()}
    if len(best) > 1:
        pairs = ', '.join(f'{left} with {right}' for _, left, right in best.values())
        raise BagError(f'there are {len(best)} stereo pairs ({pairs}): choose one with --left and '
                       f'--right. {list_topics(topics)}')
    _, left, right = next(iter(best.values()))
    return left, right


def _counterparts(left: str) -> Iterator[tuple[str, int, str]]:
    """Yield (rig, rank of the kind of image, name that the right image would have)."""
    for pattern, other in _SIDES:
        for match in re.finditer(pattern, left.lower()):
            start, end = match.span(1)
            right = left[:start] + _like(left[start:end], other) + left[end:]
            kind = rank_of_image(left[end:].removesuffix('/compressed').strip('/_'))
            yield left[:end], 2 * kind + left.endswith('/compressed'), right


def rank_of_image(kind: str) -> int:
    """Say how much a kind of image such as ``image_rect`` is wanted; 0 = most."""
    return _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)


def _like(pattern: str, text: str) -> str:
    """Write ``text`` in the letters of ``pattern``: Left -> Right, LEFT -> RIGHT."""
    if pattern.isupper():
        return text.upper()
    return text.capitalize() if pattern[:1].isupper() else text


def find_info(topics: Mapping[str, TopicInfo], infos: Iterable[str], image: str,
               other_image: str, side: str) -> str:
    """Find the camera_info of an image: beside it, else the only one of the same camera."""
    stem = image.removesuffix('/compressed')
    parent = stem.rpartition('/')[0]
    for name in (f'{parent}/camera_info', f'{stem}/camera_info', f'{stem}_camera_info',
                 f'{stem}_info', re.sub(r'image[^/]*$', 'camera_info', stem)):
        if name in infos:
            return name
    # Somewhere below the same camera, such as /left/rect/image with /left/camera_info.
    while parent and not (other_image and other_image.startswith(f'{parent}/')):
        near = [name for name in infos if name.startswith(f'{parent}/')]
        if len(near) == 1:
            return near[0]
        parent = parent.rpartition('/')[0]
    raise BagError(f'there is no camera_info for {image}: give --{side}-info, or record it. '
                   f'{list_topics(topics)}')
