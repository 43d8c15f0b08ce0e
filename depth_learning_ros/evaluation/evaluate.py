# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Running a pipeline over scenes with ground truth, scene by scene, and summing up per set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
import math

import numpy as np

from depth_learning_ros.data.scene import LoadableScene, StereoSample
from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.evaluation.depth_metrics import DepthFigures, depth_figures
from depth_learning_ros.evaluation.eigen import eigen_figures
from depth_learning_ros.evaluation.gaps import fill_gaps
from depth_learning_ros.evaluation.image_metrics import psnr, ssim
from depth_learning_ros.evaluation.metrics import (
    bad_share,
    d1_share,
    density,
    end_point_error,
    sparsification,
)
from depth_learning_ros.evaluation.run_model import known_camera, process_sample
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.geometry.warp import seen_in_both, warp_right_to_left
from depth_learning_ros.pipeline import MonoPipeline, StereoPipeline, StereoResult

AnyPipeline = StereoPipeline | MonoPipeline

NAN = float('nan')
DEFAULT_MAX_DISPARITY = 192


@dataclass(frozen=True)
class Figures:
    """The figures of one scene, or their means over the scenes of a set; NaN where not known.

    Attributes:
        epe: end-point error, pixels.
        bad3: share of errors > 3 px, % (3ER).
        d1_all: share of errors > 3 px and > 5 %, %; over all pixels with ground truth.
        d1_bg, d1_fg: the same on background and on foreground objects, where a mask is known.
        d1_noc: the same on pixels seen in both views, where that is known.
        density: share of pixels with ground truth that the engine gave a disparity for, %.
        ms: time of the engine for one pair, milliseconds, pre- and post-processing included.
        psnr, ssim: likeness of the left view and the right one warped by the disparity (dB; <= 1).
        sparsification_area, sparsification_best: what the confidence is worth, see metrics.py.
        abs_rel, sq_rel_m, rmse_m, rmse_log, delta1, delta2, delta3: depth up to 80 m, where a
            calibration is known.

    All but density and ms are taken after gaps were filled.
    """

    epe: float = NAN
    bad3: float = NAN
    d1_all: float = NAN
    d1_bg: float = NAN
    d1_fg: float = NAN
    d1_noc: float = NAN
    density: float = NAN
    ms: float = NAN
    psnr: float = NAN
    ssim: float = NAN
    sparsification_area: float = NAN
    sparsification_best: float = NAN
    abs_rel: float = NAN
    sq_rel_m: float = NAN
    rmse_m: float = NAN
    rmse_log: float = NAN
    delta1: float = NAN
    delta2: float = NAN
    delta3: float = NAN


@dataclass(frozen=True)
class SceneResult:
    """What came out for one scene.

    Attributes:
        model: the name of the model.
        sample: images and ground truth.
        result: what the pipeline gave; of a mono model brought to the scene's baseline.
        filled: float32 [H, W], its disparity without gaps.
        figures: of this scene.
    """

    model: str
    sample: StereoSample
    result: StereoResult
    filled: np.ndarray
    figures: Figures


@dataclass(frozen=True)
class EvaluationRow:
    """One line of the table: a model on a set; means over the set's scenes."""

    model: str
    backend: str
    precision: str
    set: str
    pairs: int
    figures: Figures

    def to_dict(self) -> dict[str, object]:
        """Return a flat dictionary for JSON: None where a figure is not known or not finite."""
        flat = asdict(self)
        figures = flat.pop('figures')
        return flat | {name: value if math.isfinite(value) else None
                       for name, value in figures.items()}


def evaluate(scenes: Iterable[LoadableScene],
             pipeline_for: Callable[[int], AnyPipeline]) -> Iterator[SceneResult]:
    """Run a model over scenes, one at a time.

    Args:
        scenes: of any size.
        pipeline_for: gives the pipeline that searches that many disparities (classical matchers
            are told each scene's largest one plus 1; networks need not care). It keeps and closes
            what it opens.

    Yields:
        One result per scene, in order.

    Raises:
        DataError: a scene cannot be loaded.
    """
    known_sizes: set[tuple[int, ...]] = set()
    for scene in scenes:
        sample = scene.load()
        pipeline = pipeline_for(disparities_of(sample))
        shape = sample.pair.left.shape[:2]
        if shape not in known_sizes:
            # The first run of a size compiles and allocates: it must not be the one that is timed.
            known_sizes.add(shape)
            pipeline.prepare(*shape)
            process_sample(pipeline, sample, ('disparity',))
        result = process_sample(pipeline, sample, ('disparity', 'confidence'))
        filled = fill_gaps(result.disparity.values)
        yield SceneResult(pipeline.engine.info.model, sample, result, filled,
                          compute_figures(sample, result, filled))


def summarise(set_name: str, pipeline: AnyPipeline,
              figures: Sequence[Figures]) -> EvaluationRow:
    """Return the means over scenes, each figure over the scenes that have it."""
    info = pipeline.engine.info
    means = {}
    for name in asdict(Figures()):
        values = [value for scene in figures if not math.isnan(value := getattr(scene, name))]
        means[name] = sum(values) / len(values) if values else NAN
    return EvaluationRow(_row_name(info), info.backend, info.precision, set_name, len(figures),
                         Figures(**means))


def _row_name(info: EngineInfo) -> str:
    """Name the model, and the zoom that was asked for."""
    zoom = info.metadata.get('zoom', 'auto')
    return info.model if zoom == 'auto' else f'{info.model} zoom {zoom}'


def compute_figures(sample: StereoSample, result: StereoResult, filled: np.ndarray) -> Figures:
    """Return all figures that the scene's ground truth allows."""
    figures = {'ms': 1000 * result.seconds['engine']}
    figures |= _warp_figures(sample, filled)
    truth = sample.disparity
    if truth is None or not np.isfinite(truth).any():
        return Figures(**figures)
    figures |= {
        'epe': end_point_error(filled, truth),
        'bad3': bad_share(filled, truth, 3.0),
        'd1_all': d1_share(filled, truth),
        'density': density(result.disparity.values, truth),
    }
    if sample.objects is not None:
        figures['d1_bg'] = d1_share(filled, truth, ~sample.objects)
        figures['d1_fg'] = d1_share(filled, truth, sample.objects)
    if sample.non_occluded is not None:
        figures['d1_noc'] = d1_share(filled, truth, sample.non_occluded)
    if result.confidence is not None:
        areas = sparsification(result.confidence, filled, truth)
        figures |= {'sparsification_area': areas.area, 'sparsification_best': areas.best}
    return Figures(**figures | _depth_figures(sample, filled))


def disparities_of(sample: StereoSample) -> int:
    """Return how many disparities a matcher must search: the largest true one + 1, rounded up."""
    if sample.disparity is None or not np.isfinite(sample.disparity).any():
        return DEFAULT_MAX_DISPARITY
    return math.ceil(float(np.nanmax(sample.disparity)) + 1)


def _warp_figures(sample: StereoSample, filled: np.ndarray) -> dict[str, float]:
    left, seen = sample.pair.left, seen_in_both(filled)
    warped = warp_right_to_left(sample.pair.right, filled)
    # What the right image does not show must not reach the windows of SSIM beside it.
    warped = np.where(seen[..., None], warped, left)
    return {'psnr': psnr(warped, left, seen), 'ssim': ssim(warped, left, seen)}


def eigen_of(result: SceneResult) -> list[DepthFigures] | None:
    """Return the figures of Eigen's protocol; None where metres or ground truth are not known."""
    depths = _depths(result.sample, result.filled)
    return None if depths is None else eigen_figures(*depths)


def _depth_figures(sample: StereoSample, filled: np.ndarray) -> dict[str, float]:
    depths = _depths(sample, filled)
    if depths is None:
        return {}
    figures = asdict(depth_figures(*depths))
    figures.pop('pixels')
    return figures


def _depths(sample: StereoSample, filled: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return predicted and true depth in metres."""
    camera = known_camera(sample)
    if camera is None or sample.disparity is None:
        return None
    return disparity_to_depth(filled, camera), disparity_to_depth(sample.disparity, camera)
