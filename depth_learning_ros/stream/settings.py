# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a live process can be told: declared here once, for parameters, options and documents.

Names are those of stereo_image_proc where it has them. Each field says what it is for, its range
or choices, and whether it can be changed while running; a transport makes its own declarations
out of :func:`table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
import math
from typing import Any, TypeVar

from depth_learning_ros.engine.zoom import MAX_ZOOM, check_zoom
from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.scan import ScanOptions
from depth_learning_ros.pipeline import ALL_OUTPUTS, FITS, DepthOptions
from depth_learning_ros.types import MAX_BASELINE_M, check_baseline

DEPTH_ENCODINGS = ('32FC1', '16UC1')
TRANSPORTS = ('raw', 'compressed')

Settings = TypeVar('Settings', bound='StreamSettings')


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        name, default: the type is that of the default: bool, int, float, str or tuple of str.
        about: a sentence.
        minimum, maximum: both inclusive, for numbers; None = free.
        choices: for texts; empty = free.
        fixed: cannot be changed while running.
    """

    name: str
    default: Any
    about: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    fixed: bool = False

    def checked(self, value: Any) -> Any:
        """Return the value in the type of the default.

        Raises:
            DataError: it is of another type, outside of the range, or not among the choices.
        """
        kind = type(self.default)
        if kind is tuple and isinstance(value, (list, tuple)):
            return tuple(self._chosen(str(item)) for item in value)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            wanted = 'list of texts' if kind is tuple else kind.__name__
            raise DataError(f'{self.name} is {value!r}: expected a {wanted}')
        if kind is str:
            return self._chosen(value)
        if kind in (int, float):
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            if not low <= value <= high:
                raise DataError(f'{self.name} is {value}: expected {low:g} to {high:g}')
        return value

    def _chosen(self, value: str) -> str:
        if self.choices and value not in self.choices:
            raise DataError(f'{self.name} is {value!r}: expected {", ".join(self.choices)}')
        return value


def _setting(default: Any, about: str, **extras: Any) -> Any:
    return field(default=default, metadata={'about': about, **extras})


@dataclass(frozen=True)
class StreamSettings:
    """What stereo and mono have in common; each field is described where it stands.

    Raises:
        DataError, CalibrationError: a value is of the wrong type or outside of its range.
    """

    model: str = _setting('', 'Network by name, or path of an .onnx or .safetensors file; a new '
                              'one is loaded beside the old one, which stays when that fails.')
    backend: str = _setting('auto', 'What runs the network: openvino, onnxruntime, tensorrt, '
                                    'torch; auto = the fastest that works here.')
    precision: str = _setting('auto', 'fp32, bf16, fp16; auto = the fastest whose measured error '
                                      'is within tolerance.')
    cache_dir: str = _setting('', 'Where built engines are kept; empty = the cache folder of the '
                                  'user.')
    outputs: tuple[str, ...] = _setting(
        ALL_OUTPUTS, 'What may be published; computed is only what somebody subscribes to.',
        choices=ALL_OUTPUTS)
    min_depth_m: float = _setting(0.0, 'Nearer is published as -inf, in metres.', minimum=0.0,
                                  maximum=1000.0)
    max_depth_m: float = _setting(0.0, 'Farther is published as +inf, in metres; 0 = no limit.',
                                  minimum=0.0, maximum=10000.0)
    min_confidence: float = _setting(0.0, 'Depth and points below it are left out; 0 keeps all.',
                                     minimum=0.0, maximum=1.0)
    point_stride: int = _setting(1, 'Points of each n-th pixel of each n-th row only.', minimum=1,
                                 maximum=64)
    depth_encoding: str = _setting('32FC1', 'Depth in metres (32FC1) or millimetres (16UC1).',
                                   choices=DEPTH_ENCODINGS)
    queue_size: int = _setting(5, 'Messages kept of each topic until their partners come.',
                               minimum=1, maximum=100, fixed=True)
    image_transport: str = _setting('raw', 'raw, or compressed: images come on '
                                           'image_rect/compressed.', choices=TRANSPORTS,
                                    fixed=True)
    stale_after_s: float = _setting(2.0, 'Input that stays out for so many seconds is reported.',
                                    minimum=0.1, maximum=3600.0)
    scan_frame_id: str = _setting('', 'Level frame at the left optical centre for scan; empty = '
                                      '<left frame>_scan, published as a static transform.')
    scan_camera_height_m: float = _setting(0.5, 'Height of the camera over the ground, in '
                                                'metres.', minimum=-10.0, maximum=100.0)
    scan_camera_pitch_rad: float = _setting(0.0, 'How far the camera looks down, in radians.',
                                            minimum=-1.0, maximum=1.0)
    scan_camera_roll_rad: float = _setting(0.0, 'How far the camera is turned clockwise, in '
                                                'radians.', minimum=-1.0, maximum=1.0)
    scan_min_height_m: float = _setting(0.1, 'Lower is floor: no obstacle for scan, in metres.',
                                        minimum=-10.0, maximum=100.0)
    scan_max_height_m: float = _setting(1.5, 'Higher is passed under: no obstacle for scan, in '
                                             'metres.', minimum=-10.0, maximum=100.0)
    scan_min_range_m: float = _setting(0.2, 'Nearer points are left out of scan, in metres.',
                                       minimum=0.0, maximum=1000.0)
    scan_max_range_m: float = _setting(20.0, 'Farther points count as free in scan, in metres.',
                                       minimum=0.1, maximum=1000.0)
    scan_min_points: int = _setting(3, 'A ray of scan ends at its n-th nearest pixel.',
                                    minimum=1, maximum=1000)

    def __post_init__(self) -> None:
        for row in table(type(self)):
            object.__setattr__(self, row.name, row.checked(getattr(self, row.name)))
        _ = self.depth_options  # checks what belongs together

    @property
    def depth_options(self) -> DepthOptions:
        """What the pipeline is to do."""
        return DepthOptions(
            min_depth_m=self.min_depth_m, max_depth_m=self.max_depth_m or math.inf,
            min_confidence=self.min_confidence, point_stride=self.point_stride,
            scan=ScanOptions(
                self.scan_camera_height_m, self.scan_camera_pitch_rad, self.scan_camera_roll_rad,
                self.scan_min_height_m, self.scan_max_height_m, self.scan_min_range_m,
                self.scan_max_range_m, self.scan_min_points))

    @property
    def engine_choice(self) -> dict[str, Any]:
        """The arguments of ``open_engine``."""
        return {'model': self.model, 'backend': self.backend, 'precision': self.precision,
                'cache_dir': self.cache_dir}

    def changed(self: Settings, changes: Mapping[str, Any]) -> Settings:
        """Return other settings.

        Raises:
            DataError, EngineError, CalibrationError: an unknown name, or a value outside its
                range.
        """
        unknown = set(changes).difference(f.name for f in fields(self))
        if unknown:
            raise DataError(f'there is no setting {", ".join(sorted(unknown))}')
        return replace(self, **changes)


@dataclass(frozen=True)
class StereoSettings(StreamSettings):
    """What a process for a stereo camera can be told."""

    model: str = _setting('crl-small', 'Network by name (or bm, sgbm, sgbm-hh), or path of an '
                          '.onnx or .safetensors file; a new one is loaded beside the old one, '
                          'which stays when that fails.')
    max_disparity: int = _setting(192, 'How far bm and sgbm search, in pixels; networks have '
                                       'their own limit.', minimum=16, maximum=1024)
    zoom: float = _setting(0.0, 'The network is shown the images resized by this factor: more '
                                'finds finer detail, for more time; 0 = small images are enlarged '
                                'to one megapixel, by 1.5 at most.',
                           minimum=0.0, maximum=MAX_ZOOM)
    left_right_check: bool = _setting(False, 'Lower the confidence where left and right view '
                                             'disagree; costs a second run of the network.')
    baseline_override_m: float = _setting(0.0, 'Distance of the cameras in metres, instead of '
                                               'what camera_info says; 0 = as camera_info says.',
                                          minimum=0.0, maximum=MAX_BASELINE_M)
    approximate_sync: bool = _setting(False, 'Pair images by nearest stamps, not by equal ones.',
                                      fixed=True)
    approximate_sync_tolerance_seconds: float = _setting(
        0.01, 'How far stamps of a pair may be apart with approximate_sync, in seconds.',
        minimum=0.0, maximum=1.0, fixed=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zoom:
            check_zoom(self.zoom)
        if self.baseline_override_m:
            check_baseline(self.baseline_override_m)

    @property
    def depth_options(self) -> DepthOptions:
        """What the pipeline is to do."""
        return replace(super().depth_options, left_right_check=self.left_right_check)

    @property
    def engine_choice(self) -> dict[str, Any]:
        """The arguments of ``open_engine``."""
        return {**super().engine_choice, 'max_disparity': self.max_disparity,
                'zoom': self.zoom}


@dataclass(frozen=True)
class MonoSettings(StreamSettings):
    """What a process for a single camera can be told."""

    model: str = _setting('svs-small', 'Mono network by name, or path of an .onnx or .safetensors '
                          'file; a new one is loaded beside the old one, which stays when that '
                          'fails.')
    fit: str = _setting('letterbox', 'What is done with images of another aspect ratio than the '
                                     'training images had.', choices=tuple(FITS))


def table(kind: type[StreamSettings]) -> list[Setting]:
    """Return all settings of a kind, in order."""
    return [Setting(f.name, f.default, **f.metadata) for f in fields(kind)]
