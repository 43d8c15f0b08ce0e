# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics are listened to, and what is wrong with them as far as the graph tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from depth_learning_ros.cdr.store import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from depth_learning_ros.live.graph import Graph
from depth_learning_ros.live.names import check_namespace, check_topic

_COMPRESSED = '/compressed'


@dataclass(frozen=True)
class InputTopic:
    """A topic to listen to.

    Attributes:
        role: ``image`` or ``info``.
        side: ``left`` or ``right``; ``left`` of a single camera.
        name: with leading slash.
        type_name: what must be published there.
    """

    role: str
    side: str
    name: str
    type_name: str


def camera_topics(side: str, image: str, info: str | None = None,
                  compressed: bool = False) -> list[InputTopic]:
    """Return the topics of one camera.

    Args:
        image: a name that ends in ``/compressed`` is taken to carry compressed images.
        info: None = ``camera_info`` beside the image.
        compressed: take the compressed images of the image topic.

    Raises:
        LiveError: a name is not valid.
    """
    image = check_topic(image)
    if compressed and not image.endswith(_COMPRESSED):
        image += _COMPRESSED
    beside = image.removesuffix(_COMPRESSED).rpartition('/')[0]
    kind = COMPRESSED_IMAGE if image.endswith(_COMPRESSED) else IMAGE
    return [InputTopic('image', side, image, kind),
            InputTopic('info', side, check_topic(info or f'{beside}/camera_info'), CAMERA_INFO)]


def common_namespace(topics: Iterable[InputTopic]) -> str:
    """Return the common parent of the images: where the outputs go; empty for the root."""
    parents = [topic.name.removesuffix(_COMPRESSED).split('/')[:-1]
               for topic in topics if topic.role == 'image']
    common: list[str] = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return check_namespace('/'.join(common))


def missing_inputs(graph: Graph, topics: Iterable[InputTopic], domain_id: int) -> str | None:
    """Say which topics nobody publishes, and what the user may have meant; None if all are."""
    published = graph.published()
    missing = [topic for topic in topics if topic.name not in published]
    if not missing:
        return None
    names = ', '.join(topic.name for topic in missing)
    text = f'nobody publishes {names} in domain {domain_id}'
    if not published:
        return (f'{text}, nor anything else: do ROS_DOMAIN_ID and ROS_AUTOMATIC_DISCOVERY_RANGE '
                f'have the same value on both sides, and is the publisher running?')
    similar = list(dict.fromkeys(
        name for topic in missing for name in graph.similar(topic.name, topic.type_name)))
    images = sorted(name for name, kind in published.items() if kind in (IMAGE, COMPRESSED_IMAGE))
    hint = f'similar topics are {", ".join(similar)}' if similar else (
        f'the image topics are {", ".join(images)}' if images else
        f'there are no image topics among the {len(published)} that are published')
    return f'{text}; {hint}'


def other_types(graph: Graph, topics: Iterable[InputTopic]) -> str | None:
    """Say which topics carry another type; None if all are as they must be."""
    found = []
    for topic in topics:
        kinds = sorted({e.type_name for e in graph.publishers(topic.name)})
        if kinds and topic.type_name not in kinds:
            found.append(f'{topic.name} is a {", ".join(kinds)}, but {topic.type_name} is needed')
    return '; '.join(found) or None
