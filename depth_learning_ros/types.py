# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The few things that travel through the pipeline: frozen dataclasses over numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math
import sys

import numpy as np

from depth_learning_ros.errors import CalibrationError, DataError

MIN_BASELINE_M = 0.01
MAX_BASELINE_M = 2.0

# where R, G, B lie among the 16 bytes of a packed point whose last word is 0x00RRGGBB
_RGB_BYTES = slice(14, 11, -1) if sys.byteorder == 'little' else slice(13, 16)


@dataclass(frozen=True)
class StereoCamera:
    """A rectified stereo camera as seen from its left half (optical frame, REP 103).

    ``depth_m = focal_px * baseline_m / (disparity_px + doffs)``.

    Attributes:
        width, height: image size in pixels.
        focal_px: horizontal focal length, P[0] of the left camera.
        cx, cy: principal point of the left camera in pixels, P[2] and P[6].
        baseline_m: distance of the optical centres in metres, -P[3] / P[0] of the right camera.
        doffs: cx_right - cx_left in pixels, 0 for most rectified pairs.
        focal_y_px: vertical focal length, P[5]; None means equal to ``focal_px``.

    Raises:
        CalibrationError: a value is not finite, not positive, or no plausible baseline in metres.
    """

    width: int
    height: int
    focal_px: float
    cx: float
    cy: float
    baseline_m: float
    doffs: float = 0.0
    focal_y_px: float | None = None

    def __post_init__(self) -> None:
        values = (self.focal_px, self.cx, self.cy, self.baseline_m, self.doffs, self.fy)
        if not all(math.isfinite(v) for v in values):
            raise CalibrationError(f'the calibration holds values that are not finite: {self}')
        if self.width <= 0 or self.height <= 0:
            raise CalibrationError(
                f'the image size is {self.width}x{self.height}: it must be positive')
        if self.focal_px <= 0 or self.fy <= 0:
            raise CalibrationError(
                f'the focal length is {self.focal_px} px (vertical {self.fy} px): it must be '
                f'positive; is the camera calibrated?')
        check_baseline(self.baseline_m)

    @property
    def fy(self) -> float:
        """Vertical focal length in pixels."""
        return self.focal_px if self.focal_y_px is None else self.focal_y_px

    def resized(self, width: int, height: int) -> StereoCamera:
        """Return the camera of the same pair resized to ``width`` x ``height`` pixels.

        Focal length, principal point and doffs scale with the image; metres stay, so a disparity
        that is scaled by the same factor gives the same depth. Pixel centres lie at half-integers
        of the resized grid, as ``cv2.resize`` has it.
        """
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, focal_px=self.focal_px * sx,
            focal_y_px=self.fy * sy, cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5, doffs=self.doffs * sx)


def check_baseline(baseline_m: float) -> None:
    """Refuse a baseline that no stereo rig has.

    Raises:
        CalibrationError: naming the likely cause (zero, sign, millimetres) and the remedy.
    """
    if baseline_m == 0:
        raise CalibrationError(
            'the baseline is 0 m: P[3] of the right camera_info must be -focal * baseline; '
            'calibrate the pair as stereo, or give the baseline yourself')
    if baseline_m < 0:
        raise CalibrationError(
            f'the baseline is {baseline_m:.4g} m: P[3] of the right camera_info must be '
            f'negative; are left and right swapped?')
    if not MIN_BASELINE_M <= baseline_m <= MAX_BASELINE_M:
        unit = ' (it looks like millimetres)' if 10 <= baseline_m <= 2000 else ''
        raise CalibrationError(
            f'the baseline is {baseline_m:.4g} m{unit}: expected {MIN_BASELINE_M} to '
            f'{MAX_BASELINE_M} m; P[3] of the right camera_info must be in pixels x metres')


@dataclass(frozen=True)
class StereoPair:
    """A rectified pair of images of one instant.

    Attributes:
        left, right: uint8 [H, W, 3], RGB; gray images as three equal channels.
        camera: None when only disparity is wanted.
        stamp_ns, frame_id: of the left image.

    Raises:
        DataError: the images are not uint8 [H, W, 3], or of different size.
    """

    left: np.ndarray
    right: np.ndarray
    camera: StereoCamera | None = None
    stamp_ns: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        _check_image('the left image', self.left)
        _check_image('the right image', self.right)
        if self.left.shape != self.right.shape:
            raise DataError(
                f'left is {self.left.shape[1]}x{self.left.shape[0]} and right is '
                f'{self.right.shape[1]}x{self.right.shape[0]}: a rectified pair has one size')


@dataclass(frozen=True)
class MonoFrame:
    """A rectified image of one camera, for models that need no second one.

    Attributes:
        left: uint8 [H, W, 3], RGB; gray images as three equal channels. Named as in a pair.
        camera: its baseline is the virtual one of the model; None when only disparity is wanted.
        stamp_ns, frame_id: of the image.

    Raises:
        DataError: the image is not uint8 [H, W, 3].
    """

    left: np.ndarray
    camera: StereoCamera | None = None
    stamp_ns: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        _check_image('the image', self.left)


def _check_image(what: str, image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray):
        raise DataError(f'{what} is a {type(image).__name__}: expected a numpy array; '
                        f'depth_learning_ros.data.images.read_image reads files')
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise DataError(f'{what} is {image.dtype} {list(image.shape)}: expected uint8 [H, W, 3] '
                        f'in RGB order')


@dataclass(frozen=True)
class Disparity:
    """What a stereo engine gives.

    Attributes:
        values: float32 [H, W], pixels at that size, left view, >= 0; NaN where unknown
            (classical matchers leave gaps, networks do not).
        confidence: float32 [H, W] in 0..1, 1 = sure; None when the engine has none.
        max_disparity: largest disparity the engine can give, in pixels; None = no limit.
        subpixel_step: smallest step between two disparities in pixels (delta_d of
            stereo_msgs/DisparityImage); 0 = continuous.
    """

    values: np.ndarray
    confidence: np.ndarray | None = None
    max_disparity: float | None = None
    subpixel_step: float = 0.0


@dataclass(frozen=True)
class PointCloud:
    """An organised cloud in the left optical frame (x right, y down, z forward), metres.

    It is kept as sensor_msgs/PointCloud2 wants it, so that publishing copies nothing.

    Attributes:
        packed: float32 [H, W, 4], C-contiguous: x, y, z and the colour of the left image as the
            bits 0x00RRGGBB (never compute with that column: its floats mean nothing); x, y and z
            are all NaN where there is no point.

    Raises:
        DataError: ``packed`` is not contiguous float32 [H, W, 4].
    """

    packed: np.ndarray

    def __post_init__(self) -> None:
        packed = self.packed
        if packed.ndim != 3 or packed.shape[2] != 4 or packed.dtype != np.float32:
            raise DataError(
                f'the packed cloud is {packed.dtype} {list(packed.shape)}: '
                f'expected float32 [H, W, 4]; PointCloud.from_arrays packs points and colours')
        if not packed.flags.c_contiguous:
            raise DataError('the packed cloud must be C-contiguous: use numpy.ascontiguousarray')

    @classmethod
    def from_arrays(cls, points: np.ndarray, colors: np.ndarray) -> PointCloud:
        """Pack float32 [H, W, 3] points and uint8 [H, W, 3] RGB colours."""
        if points.ndim != 3 or points.shape[2] != 3 or colors.shape != points.shape:
            raise DataError(
                f'points are {list(points.shape)} and colours {list(colors.shape)}: '
                f'expected [H, W, 3] of both')
        packed = np.zeros((*points.shape[:2], 4), np.float32)
        packed[..., :3] = points
        cloud = cls(packed)
        cloud.colors[...] = colors
        return cloud

    @property
    def points(self) -> np.ndarray:
        """float32 [H, W, 3], x, y, z in metres; a view."""
        return self.packed[..., :3]

    @property
    def colors(self) -> np.ndarray:
        """uint8 [H, W, 3], RGB; a view."""
        height, width = self.packed.shape[:2]
        return self.packed.view(np.uint8).reshape(height, width, 16)[..., _RGB_BYTES]
