# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an adaptation does: read from YAML, kept beside every saved state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from depth_learning_ros.adaptation.pictures import NOISE_GRAY
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.training.settings_file import check_range, read_settings, typed_settings

METHODS = ('zole', 'tonioni', 'photometric')
LABELS = ('kept', 'renewed')
PRECISIONS = ('bf16', 'fp32')
_MULTIPLE = 64  # of the networks' input sizes


@dataclass(frozen=True)
class AdaptationConfig:
    """Settings of one adaptation; the defaults were measured (docs/adaptation_results.md).

    Attributes:
        method: ``zole``, ``tonioni`` or ``photometric``.
        zooms: ZOLE's r: how much larger the pair is on which the network labels itself. With
            several, each pixel takes that whose warped right view fits best.
        upside_down: it looks at the pair turned upside down as well.
        matcher: semi-global matching looks at the pair, too, as it is and upside down: it was
            never trained, so it errs elsewhere than the network.
        consistency_px: a label may be so far from that of the right view; 0 = not looked at.
        fill: what has no label then is filled from what has one; else it is not learned.
        labels: ``kept``: of whole frames, made once; or ``renewed`` by the current weights for
            every crop in every step (the paper).
        label_steps: labels that are kept are made anew by the averaged weights after so many
            steps; 0 = never: they are those of the weights that the adaptation began with.
        augment: the network sees frames that are labelled (ZOLE, Tonioni) as through another
            camera (training.augment); the labels are those of the frames as they are.
        zoom_crops: crops that ZOLE learns from are zoomed (0.8 to 1.7), mirrored and turned like
            those of rendered pairs (training.augment.crop_and_zoom); else they are as they are.
        average: how much of the average of weights, which is what is judged and kept, stays in a
            step; 0 = the weights themselves.
        laplacian: ZOLE's lambda, 0 = no graph Laplacian.
        photometric: weight of the photometric loss beside ZOLE's own terms; 0 = the paper.
        patch_px: side of the square patches in pixels of the prediction; 0 = the whole map.
        radius_px: reach of the graph's edges: 1 = the 8 neighbours, 2 = 24, ...
        sigma: width of the Gaussian that turns a distance of features into a weight.
        cut: an edge of more than so many sigmas is cut.
        disparity_scale: what a pixel of disparity counts in that distance, where 1 is the
            difference of black and white.
        synthetic_weight: ZOLE's tau.
        synthetic_share: chance of a sample to be a rendered pair with ground truth instead of one
            of the target; None = that of the method: 0.33 for ZOLE, none for others.
        confidence: Tonioni's threshold: labels less sure than this do not count.
        smoothness: weight of Tonioni's L1 smoothness, and of the photometric loss's.
        batch, crop_height, crop_width: of a step; crops are cut to what the frames have.
        learning_rate: of Adam, the highest: after a warm-up over ``warmup_steps`` it decays to 0
            over the length of the adaptation. None = what did the method good: 3e-4 for ZOLE,
            2e-5 for others.
        cycles: it does so as many times, each over its share of the length.
        clip: largest gradient norm.
        steps, minutes: length; the one that is not 0 counts. Minutes are those of the steps, with
            the labels they need; what comes before, between and after is not counted.
        validate_steps: the paper's t: validate and save every so many steps.
        max_frames: how many frames of the logs are kept, spread evenly over all of them.
        noise_gray: two pictures that noise of so many gray levels of 255 could tell apart are one:
            the second is left out. 0 = only what is the very same.
        scenes, held_out_scenes: rendered scenes to learn from, and to check with: the first so
            many of their folders.
        max_synthetic_growth: the gate's bound on the growth of the error on held-out rendered
            pairs: 0.1 = 10 %, of end-point error and of D1 each.
        precision: ``bf16`` (autocast) or ``fp32``.
        seed: of the order of samples, crops and augmentation.
    """

    method: str = 'zole'
    zooms: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5)
    upside_down: bool = True
    matcher: bool = True
    consistency_px: float = 1.5
    fill: bool = True
    labels: str = 'kept'
    label_steps: int = 0
    augment: bool = False
    zoom_crops: bool = True
    average: float = 0.98
    laplacian: float = 0.1
    photometric: float = 0.0
    patch_px: int = 32
    radius_px: int = 1
    sigma: float = 0.05
    cut: float = 3.0
    disparity_scale: float = 0.02
    synthetic_weight: float = 1.0
    synthetic_share: float | None = None
    confidence: float = 0.65
    smoothness: float = 0.1
    batch: int = 4
    crop_height: int = 256
    crop_width: int = 640
    learning_rate: float | None = None
    cycles: int = 1
    warmup_steps: int = 10
    clip: float = 1.0
    steps: int = 800
    minutes: float = 0.0
    validate_steps: int = 100
    max_frames: int = 300
    noise_gray: float = NOISE_GRAY
    scenes: int = 200
    held_out_scenes: int = 16
    max_synthetic_growth: float = 0.15
    precision: str = 'bf16'
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice('method', self.method, METHODS)
        _check_choice('labels', self.labels, LABELS)
        _check_choice('precision', self.precision, PRECISIONS)
        check_range('steps', self.steps, 0, 1_000_000_000)
        check_range('minutes', self.minutes, 0.0, 1e9)
        check_range('seed', self.seed, 0, 2 ** 63)
        if (self.minutes > 0) == (self.steps > 0):
            raise TrainingError(f'minutes is {self.minutes} and steps is {self.steps}: '
                                f'give one of them')
        if not self.zooms:
            raise TrainingError('zooms is empty: give at least one, such as [1.5]')
        for zoom in self.zooms:
            check_range('a zoom', zoom, 0.5, 4.0)
        for name in ('sigma', 'cut', 'clip'):
            check_range(name, getattr(self, name), 1e-12, 1e6)
        for name in ('consistency_px', 'laplacian', 'photometric', 'disparity_scale',
                     'synthetic_weight', 'confidence', 'smoothness', 'max_synthetic_growth',
                     'noise_gray'):
            check_range(name, getattr(self, name), 0.0, 1e6)
        for name in ('batch', 'radius_px', 'cycles', 'validate_steps', 'scenes',
                     'held_out_scenes'):
            check_range(name, getattr(self, name), 1, 1_000_000)
        check_range('max_frames', self.max_frames, 10, 1_000_000)
        check_range('label_steps', self.label_steps, 0, 1_000_000)
        check_range('average', self.average, 0.0, 0.9999)
        check_range('warmup_steps', self.warmup_steps, 0, 1_000_000)
        if self.patch_px < 0 or self.patch_px == 1:
            raise TrainingError(f'patch_px is {self.patch_px}: give 2 or more, or 0 for the whole '
                                f'map')
        if self.learning_rate is not None:
            check_range('learning_rate', self.learning_rate, 1e-12, 1e6)
        if self.synthetic_share is not None:
            check_range('synthetic_share', self.synthetic_share, 0.0, 0.95)
        for name in ('crop_height', 'crop_width'):
            value = getattr(self, name)
            if value < _MULTIPLE or value % _MULTIPLE:
                raise TrainingError(f'{name} is {value}: give a multiple of {_MULTIPLE}')

    @property
    def synthetic_chance(self) -> float:
        """The chance of a sample to be synthetic, the method's own where none is given."""
        if self.synthetic_share is None:
            return 0.33 if self.method == 'zole' else 0.0
        return self.synthetic_share

    @property
    def peak_rate(self) -> float:
        """The learning rate, the method's own where none is given."""
        if self.learning_rate is None:
            return 3e-4 if self.method == 'zole' else 2e-5
        return self.learning_rate

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def with_changes(self, **changes: Any) -> AdaptationConfig:
        """Return a copy with some settings changed, checked like any other."""
        return replace(self, **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AdaptationConfig:
        """Build from plain values.

        Raises:
            TrainingError: a setting is unknown, of another type, or outside its range.
        """
        values = typed_settings(cls, values, 'settings')
        if 'zooms' in values:
            if not isinstance(values['zooms'], (list, tuple)):
                raise TrainingError(f'zooms is {values["zooms"]!r}: give a list such as [1.5]')
            values['zooms'] = tuple(values['zooms'])
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> AdaptationConfig:
        """Read a YAML file.

        Raises:
            TrainingError: it cannot be read, or as `from_dict`.
        """
        return cls.from_dict(read_settings(path, 'method: zole'))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise TrainingError(f'{name} is {value!r}: give one of {", ".join(choices)}')
