# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag of rectified images becomes a bag with disparity, depth and points."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from depth_learning_ros.errors import BagError, EngineError
from depth_learning_ros.pipeline import (
    MonoPipeline,
    StereoPipeline,
    StereoResult,
    check_kind,
    looks_swapped,
)
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.mono import MonoSource
from depth_learning_ros.replay.mono_topics import MonoTopics, find_mono_topics
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.output import OutputBag, check_bag_output, open_output
from depth_learning_ros.replay.pairs import Frame, PairSource, Window
from depth_learning_ros.replay.report import ReplayReport, Spread, Statistics
from depth_learning_ros.replay.results import Computed, ResultWriter
from depth_learning_ros.replay.threads import Background, prefetched
from depth_learning_ros.replay.topics import StereoTopics, find_stereo_topics
from depth_learning_ros.types import StereoPair

# Pairs that may be decoded ahead, and results that may wait to be written.
READ_AHEAD = 2
WRITE_BEHIND = 1

OnProgress = Callable[[int, 'int | None'], None]
AnyPipeline = StereoPipeline | MonoPipeline
AnyTopics = StereoTopics | MonoTopics


def replay(source: Path | str, output: Path | str,
           pipeline: AnyPipeline | Callable[[], AnyPipeline],
           options: ReplayOptions | None = None,
           on_progress: OnProgress | None = None) -> ReplayReport:
    """Run a recorded bag, of a stereo pair or a single camera, through a pipeline to a new bag.

    Memory does not depend on the length of the bag. The output appears under its name only when
    it is complete, so an interrupted replay leaves nothing that looks finished. A bag that is
    damaged is replayed up to the damage; see ``damage`` of the report.

    Args:
        source: rosbag2 folder, .mcap, .db3, or ROS 1 .bag file.
        output: ``NAME.mcap``, or a name without suffix for a rosbag2 folder.
        pipeline: computes; it stays open. Or a function that opens one, which is called once the
            bag has been looked at, and whose pipeline is closed at the end.
        on_progress: called with the pairs done and the pairs expected.

    Raises:
        BagError: the bag cannot be read, holds no stereo pair, or no pair could be processed.
        DataError: the output cannot be written, or the disk is full.
        EngineError: the engine failed, is of the other kind, or gives nothing of what is asked
            for.
    """
    source, output = Path(source), Path(output)
    options = options or ReplayOptions()
    check_bag_output(output, options.force)
    if output.exists() and output.resolve() == source.resolve():
        raise BagError(f'{output} is the bag that is read: give the output another name')
    statistics = Statistics()
    with Bag(source) as bag, ExitStack() as stack:
        topics: AnyTopics = (find_mono_topics if options.mono else find_stereo_topics)(
            bag.topics, options.topics)
        window = _window(bag, options)
        with statistics.preparing():
            opened = _open_pipeline(pipeline, stack)
        check_kind(opened.engine.info, mono=options.mono)
        options = _possible(options, opened)
        with open_output(output, compression=options.compression, force=options.force) as target:
            job = _Job(bag, topics, window, opened, options, statistics, on_progress)
            frames = job.run(target)
            if not statistics.frames:
                raise _nothing_done(bag, topics, frames, statistics)
            counts = target.counts
        return _report(source, output, opened, topics, frames, statistics, counts, bag.damage)


def _open_pipeline(pipeline: AnyPipeline | Callable[[], AnyPipeline],
                   stack: ExitStack) -> AnyPipeline:
    if isinstance(pipeline, (StereoPipeline, MonoPipeline)):
        return pipeline
    opened = pipeline()
    stack.enter_context(opened)
    return opened


def _possible(options: ReplayOptions, pipeline: AnyPipeline) -> ReplayOptions:
    """Leave confidence out where nothing computes one."""
    info = pipeline.engine.info
    if 'confidence' in info.outputs or pipeline.options.left_right_check:
        return options
    outputs = tuple(name for name in options.outputs if name != 'confidence')
    if not outputs:
        raise EngineError(f'{info.model} gives no confidence: turn the left-right check on, or '
                          f'ask for another output')
    return replace(options, outputs=outputs)


def _window(bag: Bag, options: ReplayOptions) -> Window:
    start_ns = bag.start_ns + round(options.start_s * 1e9)
    if start_ns >= bag.end_ns:
        raise BagError(f'start is {options.start_s:g} s, but the bag is only '
                       f'{(bag.end_ns - bag.start_ns) / 1e9:.1f} s long')
    if options.duration_s is None:
        return Window(start_ns, bag.end_ns)
    return Window(start_ns, min(bag.end_ns, start_ns + round(options.duration_s * 1e9)))


class _Job:
    """Reads in one thread, computes here, and writes in a third; a few frames are on their way."""

    def __init__(self, bag: Bag, topics: AnyTopics, window: Window, pipeline: AnyPipeline,
                 options: ReplayOptions, statistics: Statistics,
                 on_progress: OnProgress | None) -> None:
        self._bag, self._topics, self._window = bag, topics, window
        self._pipeline, self._options = pipeline, options
        self._statistics, self._on_progress = statistics, on_progress
        self._size = (0, 0)

    def run(self, target: OutputBag) -> PairSource:
        """Process the whole window."""
        results = ResultWriter(self._bag, target, self._topics, self._options, self._statistics)
        source = self._source(results.copied)
        expected = self._expected_pairs()
        done = 0
        with Background(results.write, WRITE_BEHIND) as background, \
                prefetched(source, READ_AHEAD) as items:
            for item in items:
                if not isinstance(item, Frame):
                    background.put(item)
                    continue
                result = self._process(item)
                if not done:
                    self._look_at_the_sides(result)
                background.put(Computed(item, result))
                done += 1
                if self._on_progress is not None:
                    self._on_progress(done, max(done, expected))
        return source

    def _source(self, copied: frozenset[str]) -> PairSource:
        if isinstance(self._topics, StereoTopics):
            return PairSource(self._bag, self._topics, self._window, self._options,
                              self._statistics, copied)
        assert isinstance(self._pipeline, MonoPipeline)  # its kind was checked
        return MonoSource(self._bag, self._topics, self._window, self._options,
                          self._statistics, copied, self._pipeline.facts.virtual_baseline_m)

    def _process(self, frame: Frame) -> StereoResult:
        size = frame.pair.left.shape[:2]
        if size != self._size:
            with self._statistics.preparing():
                self._pipeline.prepare(*size)
            self._size = size
        if isinstance(self._pipeline, MonoPipeline):
            return self._pipeline.process(frame.pair.left, frame.pair.camera,
                                          self._options.outputs)
        assert isinstance(frame.pair, StereoPair)
        return self._pipeline.process(frame.pair, self._options.outputs)

    def _look_at_the_sides(self, result: StereoResult) -> None:
        if isinstance(self._pipeline, StereoPipeline) and looks_swapped(self._pipeline, result):
            topics = self._topics
            assert isinstance(topics, StereoTopics)
            self._statistics.warn(
                f'{topics.left} and {topics.right} look swapped: in the first pair more is found '
                f'the other way round. If they are: --left {topics.right} --right {topics.left} '
                f'--left-info {topics.left_info} --right-info {topics.right_info}')

    def _expected_pairs(self) -> int:
        count = min(self._bag.topics[topic].count for topic in self._topics.sides)
        share = (self._window.stop_ns - self._window.start_ns) / (
            self._bag.end_ns - self._bag.start_ns)
        return round(count * share / self._options.every)


def _nothing_done(bag: Bag, topics: AnyTopics, source: PairSource,
                  statistics: Statistics) -> BagError:
    """Explain why there is no result at all."""
    if statistics.skipped:
        causes = '; '.join(f'{cause} ({count}x)' for cause, count in
                           statistics.skipped.most_common(3))
        what = 'image' if isinstance(topics, MonoTopics) else 'pair'
        return BagError(f'no {what} of {bag.path} could be processed: {causes}')
    damage = f' The bag is damaged: {bag.damage}.' if bag.damage else ''
    if isinstance(topics, MonoTopics):
        return BagError(f'{topics.left} has no images there: choose another part of the '
                        f'bag.{damage}')
    drops = '; '.join(
        f'{topic}: {cause} ({count}x)' for topic, found in source.dropped()[0].items()
        for cause, count in found.items())
    return BagError(
        f'no image of {topics.left} fits one of {topics.right} ({drops or "no images"}): choose '
        f'another part of the bag, or --sync approximate with a larger --tolerance.{damage}')


def _report(source: Path, output: Path, pipeline: AnyPipeline, topics: AnyTopics,
            frames: PairSource, statistics: Statistics, counts: dict[str, int],
            damage: str | None) -> ReplayReport:
    info = pipeline.engine.info
    dropped, gaps = frames.dropped()
    return ReplayReport(
        source=str(source), output=str(output), model=info.model, backend=info.backend,
        precision=info.precision, topics=asdict(topics), sync=frames.sync_mode,
        dropped=dropped,
        drop_gap_ms={t: spread for t, values in gaps.items()
                     if (spread := Spread.of(values)) is not None},
        skipped=dict(statistics.skipped), messages=counts, damage=damage,
        warnings=tuple(statistics.warnings), **statistics.timing())
