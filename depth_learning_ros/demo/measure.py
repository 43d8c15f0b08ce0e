# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a replay's disparities are, read back from the bag that it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depth_learning_ros.cdr.store import read_message
from depth_learning_ros.demo.inputs import Part, disparities, truths
from depth_learning_ros.demo.table import NAN
from depth_learning_ros.errors import BagError
from depth_learning_ros.evaluation.gaps import fill_gaps
from depth_learning_ros.evaluation.metrics import d1_share, density, end_point_error
from depth_learning_ros.messages import (
    cloud_from_message,
    depth_from_image,
    image_to_rgb,
    stamp_ns,
)
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.types import PointCloud


@dataclass(frozen=True)
class Shot:
    """The disparity of one frame.

    Attributes:
        stamp_ns: of the frame.
        disparity: float32 [H, W], pixels, NaN where unknown.
        truth: the same, of the ground truth; None without.
    """

    stamp_ns: int
    disparity: np.ndarray
    truth: np.ndarray | None


@dataclass(frozen=True)
class Quality:
    """Means over frames; each frame counts alike.

    Attributes:
        epe_px, d1_percent: after gaps were filled; NaN without ground truth.
        density_percent: share of pixels with a disparity: of those with ground truth, where it
            is known.
        frames_with_truth: how many frames the errors are means over.
        shot: the frame to show.
    """

    epe_px: float
    d1_percent: float
    density_percent: float
    frames_with_truth: int
    shot: Shot


@dataclass(frozen=True)
class View3d:
    """What the pictures of one frame need beside its disparity.

    Attributes:
        left: uint8 [H, W, 3], RGB.
        depth_m: float32 [H, W].
        cloud: its points.
    """

    left: np.ndarray
    depth_m: np.ndarray
    cloud: PointCloud


def measure(source: Path, part: Part, output: Path, topic: str, shown: int) -> Quality:
    """Compare the disparities of an output bag with the ground truth of its source.

    Args:
        source: the bag that was replayed.
        part: which part of it.
        output: the bag that the replay wrote.
        topic: of the disparity in it.
        shown: number of the frame to keep for pictures.

    Raises:
        BagError: the output holds no disparity.
        DataError: the ground truth is of another size.
    """
    figures: list[tuple[float, float, float]] = []
    shot = None
    with ExitStack() as stack:
        wanted = _Truths(truths(stack.enter_context(Bag(source)), part))
        found = disparities(stack.enter_context(Bag(output)), topic)
        for number, (stamp, disparity) in enumerate(found):
            truth = wanted.at(stamp)
            figures.append(_figures(disparity, truth))
            if number == shown or shot is None:
                shot = Shot(stamp, disparity, truth)
    if shot is None:
        raise BagError(f'{output} holds no disparity on {topic}: nothing can be measured')
    epe, d1, known = np.array(figures).T
    has_truth = np.isfinite(epe)
    if not has_truth.any():
        return Quality(NAN, NAN, float(known.mean()), 0, shot)
    return Quality(float(epe[has_truth].mean()), float(d1[has_truth].mean()),
                   float(known[has_truth].mean()), int(has_truth.sum()), shot)


def read_view(output: Path, left_topic: str, depth_topic: str, cloud_topic: str,
              at_ns: int) -> View3d:
    """Read the left image, the depth and the cloud of one frame from an output bag."""
    with Bag(output) as bag:
        left, depth, cloud = (_message_at(bag, topic, at_ns)
                              for topic in (left_topic, depth_topic, cloud_topic))
        return View3d(image_to_rgb(left), depth_from_image(depth).copy(),
                      PointCloud(cloud_from_message(cloud).packed.copy()))


class _Truths:
    """Finds the ground truth of rising stamps in a stream, keeping one at a time."""

    def __init__(self, stream: Iterator[tuple[int, np.ndarray]]) -> None:
        self._stream = stream
        self._next = next(stream, None)

    def at(self, stamp: int) -> np.ndarray | None:
        while self._next is not None and self._next[0] < stamp:
            self._next = next(self._stream, None)
        if self._next is None or self._next[0] != stamp:
            return None
        return self._next[1]


def _figures(disparity: np.ndarray, truth: np.ndarray | None) -> tuple[float, float, float]:
    if truth is None:
        return NAN, NAN, 100 * float(np.isfinite(disparity).mean())
    filled = fill_gaps(disparity)
    return (end_point_error(filled, truth), d1_share(filled, truth), density(disparity, truth))


def _message_at(bag: Bag, topic: str, at_ns: int) -> Any:
    for raw in bag.messages([topic]):
        message = read_message(raw.data, bag.topics[topic].type_name)
        if stamp_ns(message.header) == at_ns:
            return message
    raise BagError(f'{bag.path} holds no message on {topic} for the frame to show')
