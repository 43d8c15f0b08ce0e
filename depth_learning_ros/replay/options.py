# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a replay."""

from __future__ import annotations

from dataclasses import dataclass, field

from depth_learning_ros.errors import BagError
from depth_learning_ros.pipeline import OUTPUTS
from depth_learning_ros.replay.mcap_writer import COMPRESSIONS
from depth_learning_ros.replay.topics import TopicWishes
from depth_learning_ros.stream.sync import QUEUE_SIZE, TOLERANCE_S, Mode, StereoSync
from depth_learning_ros.types import check_baseline


@dataclass(frozen=True)
class ReplayOptions:
    """How a bag is replayed.

    Attributes:
        topics: names of topics that are not to be found automatically.
        mono: a single camera, ``left`` and ``left_info`` of the topics, and a mono model.
        start_s, duration_s: part of the bag, in seconds from its first message; None = to its end.
        every: process each n-th pair.
        outputs: what to compute and write, out of ``pipeline.OUTPUTS``.
        sync, tolerance_s, queue_size: see `sync.StereoSync`.
        baseline_m: taken instead of what P[3] of the right camera_info says.
        copy_inputs: write the images of the processed pairs and the camera_info, unchanged.
        all_topics: write all other topics of the bag as well, such as /tf.
        compression: ``none`` or ``zstd``.
        force: replace an existing output.

    Raises:
        BagError, CalibrationError: a value is outside its range.
    """

    topics: TopicWishes = field(default_factory=TopicWishes)
    mono: bool = False
    start_s: float = 0.0
    duration_s: float | None = None
    every: int = 1
    outputs: tuple[str, ...] = OUTPUTS
    sync: Mode = 'auto'
    tolerance_s: float = TOLERANCE_S
    queue_size: int = QUEUE_SIZE
    baseline_m: float | None = None
    copy_inputs: bool = True
    all_topics: bool = False
    compression: str = 'none'
    force: bool = False

    def __post_init__(self) -> None:
        if not self.start_s >= 0:
            raise BagError(f'start is {self.start_s} s: expected 0 or more')
        if self.duration_s is not None and not self.duration_s > 0:
            raise BagError(f'duration is {self.duration_s} s: expected more than 0')
        if self.every < 1:
            raise BagError(f'every is {self.every}: expected 1, 2, 3, ...')
        unknown = set(self.outputs).difference(OUTPUTS)
        if unknown or not self.outputs:
            raise BagError(f'outputs are {", ".join(self.outputs) or "none"}: '
                           f'expected some of {", ".join(OUTPUTS)}')
        if self.mono and (self.topics.right or self.topics.right_info):
            raise BagError(f'a single camera has no right topic: leave '
                           f'{self.topics.right or self.topics.right_info} out, or mono')
        if self.mono and self.baseline_m is not None:
            raise BagError(f'the baseline of a mono model is in its file: leave '
                           f'{self.baseline_m} m out')
        if self.compression not in COMPRESSIONS:
            raise BagError(f'compression is {self.compression!r}: '
                           f'expected one of {", ".join(COMPRESSIONS)}')
        if self.baseline_m is not None:
            check_baseline(self.baseline_m)
        self.make_sync()

    def make_sync(self) -> StereoSync:
        """Return a new synchroniser, its values checked."""
        return StereoSync(self.sync, self.tolerance_s, self.queue_size)
