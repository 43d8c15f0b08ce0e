# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning evaluate``: models against ground truth."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import (
    DEFAULT_MODEL,
    add_engine_options,
    add_force_option,
    add_zoom_option,
    check_outputs,
    open_engine_for,
)
from depth_learning_ros.cli.progress import Meter, progress_callback
from depth_learning_ros.errors import DataError

if TYPE_CHECKING:
    from depth_learning_ros.data.scene import NamedScene, Scene, StereoSet
    from depth_learning_ros.engine.base import Engine
    from depth_learning_ros.evaluation.eigen import EigenRow
    from depth_learning_ros.evaluation.evaluate import EvaluationRow, SceneResult
    from depth_learning_ros.pipeline import MonoPipeline, StereoPipeline

CLASSICAL_MODELS = ('bm', 'sgbm', 'sgbm-hh')
_DEFAULT_MODELS = (DEFAULT_MODEL, *CLASSICAL_MODELS)
_DISPARITY_MULTIPLE = 16

_EPILOG = """\
A SET is a folder with sets of scenes, one set, or one scene:
  SET/SCENE/left.png right.png      8 or 16 bits, colour or gray
            disp.png                ground truth: 16 bits, disparity x 256, 0 = unknown
                                    (or disp.pfm, disp.npy)
            [calib.json]            {"focal_px": ..., "baseline_m": ..., "doffs": ...}: adds depth
            [nocc.png]              255 = seen in both views: adds D1-noc
            [obj_map.png]           not 0 = an object: adds D1-bg and D1-fg

or a public data set as NAME:FOLDER[,option=value]..., laid out as it is downloaded:
  kitti2012 kitti2015 middlebury2001 middlebury2003 middlebury2005 middlebury2006 middlebury2014
  middlebury-v3 eth3d drivingstereo flyingthings3d flyingthings3d-subset monkaa driving sceneflow
  kitti-raw (a list of frames, such as Eigen's; ground truth from the laser scans)
  pairs (two folders left and right, no ground truth). Options are split (such as split=testing)
  and others; a wrong one is answered with those there are.

Figures are means over the scenes of each scene's figure over all pixels with ground truth, after
gaps were filled as KITTI's kit does; density is that before filling. EPE is the mean error in px,
3ER the share of errors over 3 px, D1 of those over 3 px and 5 %. ms is the time of the engine for
one pair, pre- and post-processing included. The JSON holds more: PSNR and SSIM of the warped view,
the worth of the confidence, and the errors of depth.

Mono models see the left image alone. Their disparity is brought to the baseline of each scene's
rig, so they stand in one table with stereo models. --eigen adds the table by which depth from one
camera is compared: Garg's crop, caps at 80 and 50 m, seven figures, without and with the scale
taken from the ground truth (median scaling).

examples:
  depth-learning evaluate data/sets --json rows.json --markdown table.md
  depth-learning evaluate data/sets/kitti2012 --model crl-small --model my.onnx --pictures look
  depth-learning evaluate kitti2015:/data/kitti2015 middlebury-v3:/data/MiddEval3,size=H
  depth-learning evaluate kitti2015:/data/kitti2015,split=testing --model crl-small \\
      --submission upload
  depth-learning evaluate kitti2015:/data/kitti2015 --model svs-small bm
  depth-learning evaluate kitti-raw:/data/kitti_raw,list=eigen_test_files.txt \\
      --model svs-small --eigen
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('sets', nargs='*', metavar='SET',
                        help='folders of scenes with ground truth, or NAME:FOLDER of a public '
                             'data set, see below')
    parser.add_argument(
        '--model', action='extend', nargs='+', metavar='M',
        help="names from 'depth-learning models', .onnx, .safetensors or .engine files (default: "
             f"{', '.join(_DEFAULT_MODELS)})")
    parser.add_argument('--json', type=Path, metavar='OUT', help='write all figures as JSON')
    parser.add_argument('--markdown', type=Path, metavar='OUT', help='write the table as Markdown')
    parser.add_argument(
        '--pictures', type=Path, metavar='DIR',
        help='write a picture of each scene: images, disparities, errors')
    parser.add_argument(
        '--submission', type=Path, metavar='DIR',
        help="write the files for KITTI's server (with several models into a folder each); "
             'scenes then need no ground truth')
    parser.add_argument(
        '--eigen', action='store_true',
        help='also compare depth as Eigen 2014 and Garg 2016 did; needs calibrations')
    parser.add_argument(
        '--first-stage', action='store_true',
        help='also evaluate the first stage of each cascade alone, by PyTorch: what the second '
             'stage must be better than')
    parser.add_argument(
        '--fit', choices=('letterbox', 'crop', 'stretch'), default='letterbox',
        help='what happens to images of another aspect ratio than a mono model learned from '
             '(default: %(default)s)')
    add_engine_options(parser)
    add_zoom_option(parser)
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate all models on all sets and print the table."""
    words, names = _sort_out(args)
    from depth_learning_ros.evaluation.tables import to_json, to_markdown, to_text
    from depth_learning_ros.files import atomic_write
    sets = [each for word in words
            for each in _open_set(word, needs_truth=args.submission is None).sets()]
    output = _SceneOutput(args, names, [scene for _, scenes in sets for scene in scenes])
    check_outputs((args.json, args.markdown, *output.paths()), args.force)
    tables = _Tables(args.eigen)
    models = [model for name in names for model in _models(args, name)]
    try:
        _evaluate_sets(sets, models, output, tables)
    finally:
        # Also after an error or Ctrl-C: what was measured so far is not lost.
        for model in models:
            model.close()
        print('\n'.join(tables.texts(to_text)), end='')
    for path, content in ((args.json, lambda: to_json([*tables.rows, *tables.eigen])),
                          (args.markdown, lambda: '\n'.join(tables.texts(to_markdown)))):
        if path is not None:
            with atomic_write(path, force=args.force, mode='w') as file:
                file.write(content())
    if args.eigen and not tables.eigen:
        raise DataError('--eigen compares metres, and no scene has both ground truth and a '
                        'calibration: give sets that have, or leave --eigen out')
    return 0


class _Tables:
    """The rows of what was measured so far."""

    def __init__(self, wants_eigen: bool) -> None:
        self.wants_eigen = wants_eigen
        self.rows: list[EvaluationRow] = []
        self.eigen: list[EigenRow] = []

    def texts(self, write: Callable[..., str]) -> list[str]:
        """Give each table that has rows as text."""
        from depth_learning_ros.evaluation.tables import COLUMNS, EIGEN_COLUMNS
        return [write(rows, columns) for rows, columns in (
            (self.rows, COLUMNS), (self.eigen, EIGEN_COLUMNS)) if rows]


def _sort_out(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Tell sets from models: '--model sgbm SET' must not take the set for a model."""
    given = args.model or _DEFAULT_MODELS
    taken = [name for name in given if name not in _DEFAULT_MODELS and _is_set(name)]
    words = [*args.sets, *taken]
    names = list(dict.fromkeys(name for name in given if name not in taken))
    if not words:
        raise UsageError('give at least one SET: a FOLDER of scenes, or NAME:FOLDER')
    if not names:
        raise UsageError('--model needs the name of a model')
    return words, names


def _is_set(word: str) -> bool:
    if Path(word).is_dir() or ':' not in word:
        return Path(word).is_dir()
    from depth_learning_ros.data.sets.registry import REGISTRY
    return word.partition(':')[0] in REGISTRY


def _open_set(word: str, needs_truth: bool) -> StereoSet:
    from depth_learning_ros.data.folders import StereoFolder
    from depth_learning_ros.data.sets.registry import DataSetName
    named = None if Path(word).exists() else DataSetName.parse(word)
    if named is None:
        return StereoFolder(word, ground_truth=needs_truth)
    with progress_callback('screening', 'map') as report:
        return named.open(report)


def _evaluate_sets(sets: Sequence[tuple[str, list[Scene]]], models: Sequence[_Model],
                   output: _SceneOutput, tables: _Tables) -> None:
    from depth_learning_ros.evaluation.eigen import summarise_eigen
    from depth_learning_ros.evaluation.evaluate import eigen_of, evaluate, summarise
    meter = Meter('evaluating', sum(len(scenes) for _, scenes in sets), 'scene')
    done = 0
    try:
        for set_name, scenes in sets:
            figures: list[list] = [[] for _ in models]
            depths: list[list] = [[] for _ in models]
            # All models scene by scene, so that they can stand in one picture.
            runs = [evaluate(scenes, model.pipeline_for) for model in models]
            for results in zip(*runs, strict=True):
                output.write(results)
                for number, result in enumerate(results):
                    figures[number].append(result.figures)
                    if tables.wants_eigen and (found := eigen_of(result)) is not None:
                        depths[number].append(found)
                done += 1
                meter.update(done)
            for model, collected, metric in zip(models, figures, depths, strict=True):
                row = summarise(set_name, model.last, collected)
                tables.rows.append(row)
                if metric:
                    tables.eigen += summarise_eigen(set_name, row.model, metric)
    finally:
        meter.close()


def _models(args: argparse.Namespace, name: str) -> list[_Model]:
    """Give the model, and its first stage before it where that is asked for."""
    if not args.first_stage or name in CLASSICAL_MODELS:
        return [_Model(args, name)]
    from depth_learning_ros.engine.first_stage import open_first_stage
    from depth_learning_ros.engine.zoom import zoomed
    return [_Model(args, name, lambda model: zoomed(open_first_stage(model), args.zoom)),
            _Model(args, name)]


class _Model:
    """A model's pipelines: one for a network, one per number of disparities for a matcher."""

    def __init__(self, args: argparse.Namespace, name: str,
                 open_engine: Callable[[str], Engine] | None = None) -> None:
        self._args, self._name, self._open = args, name, open_engine
        self._pipelines: dict[int, StereoPipeline | MonoPipeline] = {}
        # Opened now, so that a wrong name is told before the work begins.
        self.last = self.pipeline_for(_DISPARITY_MULTIPLE)

    def pipeline_for(self, disparities: int) -> StereoPipeline | MonoPipeline:
        """Return the pipeline that searches that many disparities."""
        from depth_learning_ros.pipeline import open_pipeline
        key = -(-disparities // _DISPARITY_MULTIPLE) if self._name in CLASSICAL_MODELS else 0
        if key not in self._pipelines:
            engine = (open_engine_for(self._args, self._name, disparities,
                                      zoomed=self._name not in CLASSICAL_MODELS)
                      if self._open is None else self._open(self._name))
            self._pipelines[key] = open_pipeline(engine, fit=self._args.fit)
        self.last = self._pipelines[key]
        return self.last

    def close(self) -> None:
        """Close all engines."""
        for pipeline in self._pipelines.values():
            pipeline.close()


class _SceneOutput:
    """The files written per scene: pictures and submissions."""

    def __init__(self, args: argparse.Namespace, names: Sequence[str],
                 scenes: Sequence[Scene]) -> None:
        from depth_learning_ros.evaluation.submission import check_names, make_folder
        self._args, self._scenes = args, scenes
        self._submissions: list[Path] = []
        if args.submission is not None and args.first_stage:
            raise UsageError('--submission is for whole models: leave --first-stage out')
        if args.submission is not None:
            check_names(scenes)
            self._submissions = [args.submission / Path(name).name if len(names) > 1
                                 else args.submission for name in names]
        for path in self.paths():
            make_folder(path.parent)

    def paths(self) -> Iterator[Path]:
        """Yield all files that will be written."""
        from depth_learning_ros.evaluation.submission import submission_path
        for scene in self._scenes:
            if self._args.pictures is not None:
                yield self._picture(scene)
            for folder in self._submissions:
                yield submission_path(folder, scene)

    def write(self, results: Sequence[SceneResult]) -> None:
        """Write one scene's files; the results are those of the models, in their order."""
        from depth_learning_ros.data.images import write_image
        from depth_learning_ros.evaluation.scene_pictures import picture_of
        from depth_learning_ros.evaluation.submission import write_submission
        scene = results[0].sample
        for folder, result in zip(self._submissions, results, strict=False):
            write_submission(folder, scene, result.result.disparity.values, force=self._args.force)
        if self._args.pictures is not None:
            write_image(self._picture(scene), picture_of(results), force=self._args.force)

    def _picture(self, scene: NamedScene) -> Path:
        return self._args.pictures / scene.set_name / f'{scene.name}.png'
