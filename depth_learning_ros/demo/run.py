# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo: a bag through a model and through OpenCV's matchers, by one and the same way.

All models get the same frames from the same file, by the same replay, with the same outputs
written; only the engine differs. What is measured is what a user gets, read back from the bags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from depth_learning_ros.demo.compare import ModelRun, run_model
from depth_learning_ros.demo.folder import RESULTS, check_output_folder, output_folder
from depth_learning_ros.demo.inputs import DEFAULT_MAX_DISPARITY, Part, choose_part
from depth_learning_ros.demo.measure import read_view
from depth_learning_ros.demo.pictures import write_pictures
from depth_learning_ros.demo.report import table_text, write_report
from depth_learning_ros.demo.scene import FRAMES, MAX_FRAMES, DemoScene
from depth_learning_ros.demo.sequence import TRUTH_TOPIC, write_sequence
from depth_learning_ros.demo.table import Row
from depth_learning_ros.engine import Engine, open_engine
from depth_learning_ros.engine.opencv import MATCHERS
from depth_learning_ros.errors import BagError, DataError

COMPARED_WITH = ('sgbm', 'bm')
BAG_FRAMES = 100
"""Frames of a user's bag that are used unless told otherwise: a demo should not take an hour."""

OnProgress = Callable[[int, 'int | None'], None]


class Reporter(Protocol):
    """Tells the user what goes on."""

    def say(self, message: str) -> None:
        """Tell something."""

    def progress(self, label: str, unit: str) -> AbstractContextManager[OnProgress]:
        """Show how far a piece of work is."""


@dataclass(frozen=True)
class DemoOptions:
    """What can be asked of a demo.

    Attributes:
        output: folder for the results.
        bag: to replay; None = the rendered drive.
        model, backend, precision, cache_dir, zoom: see `engine.open_engine`.
        frames: how many pairs; None = `scene.FRAMES` are rendered, the first `BAG_FRAMES` of a bag
            are used; 0 = all.
        max_disparity: how far the matchers search, in pixels; None = as far as needed by the
            ground truth, else `inputs.DEFAULT_MAX_DISPARITY`.
        truth_topic: stereo_msgs/DisparityImage with the ground truth, if the bag has it.
        force: replace the results of an earlier run.
        scene: what is rendered; None = the hall at 640x384.

    Raises:
        DataError: a value is outside its range.
    """

    output: Path
    bag: Path | None = None
    model: str = 'crl-small'
    backend: str = 'auto'
    precision: str = 'auto'
    cache_dir: Path | None = None
    zoom: float | None = None
    frames: int | None = None
    max_disparity: int | None = None
    truth_topic: str = TRUTH_TOPIC
    force: bool = False
    scene: DemoScene | None = None

    def __post_init__(self) -> None:
        if self.frames is not None and self.frames < 0:
            raise DataError(f'frames is {self.frames}: expected 1 or more, or 0 for all')
        if self.bag is None and (self.frames or 0) > MAX_FRAMES:
            raise DataError(f'frames is {self.frames}: the rendered drive has at most '
                            f'{MAX_FRAMES}')
        if self.max_disparity is not None and self.max_disparity < 1:
            raise DataError(f'max_disparity is {self.max_disparity}: expected 1 or more')


@dataclass(frozen=True)
class DemoResult:
    """What came out.

    Attributes:
        rows: one a model, the asked one first.
        text: the table and what must be known to read it, as in table.txt.
        files: what lies in the folder, of `folder.RESULTS`.
    """

    rows: list[Row]
    text: str
    files: list[Path]


def run_demo(options: DemoOptions, reporter: Reporter) -> DemoResult:
    """Render or take a bag, replay it through all models, measure, and leave the results.

    Raises:
        DepthLearningError: the output folder, the bag or the model cannot be used.
    """
    check_output_folder(options.output, force=options.force, bag=options.bag)
    if options.bag is not None and not options.bag.exists():
        raise BagError(f'there is no bag at {options.bag}: check the path')
    # A network is opened first, so that a wrong name is told before the work begins.
    is_network = options.model not in MATCHERS
    with _open(options, options.model, reporter) if is_network else nullcontext() as network, \
            output_folder(options.output, force=options.force, bag=options.bag) as folder:
        result = _fill(folder, network, options, reporter)
    return result


def _fill(folder: Path, network: Engine | None, options: DemoOptions,
          reporter: Reporter) -> DemoResult:
    source = options.bag or _render(folder / 'input.mcap', options, reporter)
    part = choose_part(source, _frames(options), options.truth_topic, options.max_disparity)
    runs: list[ModelRun] = []
    for name in dict.fromkeys((options.model, *COMPARED_WITH)):
        engine = network if network is not None and name == options.model else None
        # The first model's bag is a result, the others' are only measured.
        path = folder / 'output.mcap' if not runs else folder / f'{name}.mcap'
        with nullcontext(engine) if engine is not None else _open(
                options, name, reporter, part.max_disparity) as used, _removed(path, bool(runs)), \
                reporter.progress(name, 'frame') as update:
            runs.append(run_model(source, part, path, used, update))
    _write_pictures(folder, part, runs)
    text = table_text(options.bag, part, runs)
    write_report(folder, text, options.bag, part, runs)
    files = [options.output / name for name in RESULTS if (folder / name).exists()]
    return DemoResult([run.row for run in runs], text, files)


def _frames(options: DemoOptions) -> int | None:
    """Return how many pairs of the bag to use; None = all."""
    if options.frames is None:
        return BAG_FRAMES if options.bag is not None else None
    return options.frames or None


def _render(path: Path, options: DemoOptions, reporter: Reporter) -> Path:
    frames = MAX_FRAMES if options.frames == 0 else options.frames or FRAMES
    with reporter.progress('rendering', 'frame') as update:
        write_sequence(path, frames, scene=options.scene, on_progress=update)
    return path


def _open(options: DemoOptions, name: str, reporter: Reporter,
          max_disparity: int = DEFAULT_MAX_DISPARITY) -> Engine:
    is_asked = name == options.model
    return open_engine(
        name, backend=options.backend if is_asked else 'auto',
        precision=options.precision if is_asked else 'auto', cache_dir=options.cache_dir,
        zoom=options.zoom if is_asked else None, max_disparity=max_disparity,
        on_message=reporter.say)


@contextmanager
def _removed(path: Path, is_scratch: bool) -> Iterator[None]:
    """Remove a bag at the end that was only to be measured."""
    try:
        yield
    finally:
        if is_scratch:
            path.unlink(missing_ok=True)


def _write_pictures(folder: Path, part: Part, runs: list[ModelRun]) -> None:
    view = read_view(folder / 'output.mcap', part.topics.left, part.output_topic('depth'),
                     part.output_topic('points2'), runs[0].quality.shot.stamp_ns)
    write_pictures(folder, {run.report.model: run.quality.shot for run in runs}, view)
