# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A robot with a stereo camera drives through a furnished hall: images with exact disparity.

Rendered by ray casting in numpy, the same on every run. The two cameras differ as real ones do, in
exposure and noise, so that what a matcher makes of the pair says something about it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
import math

import numpy as np

from depth_learning_ros.demo.hall import hall
from depth_learning_ros.demo.render import Renderer, View
from depth_learning_ros.demo.sensor import Sensor
from depth_learning_ros.demo.surfaces import Vector, cross
from depth_learning_ros.types import StereoCamera

FRAMES = 32
MAX_FRAMES = 90  # then a ball lies in the way
RATE_HZ = 10.0
FOCAL_SHARE = 500 / 640  # focal length in image widths: 65 degrees across
BASELINE_M = 0.12
CAMERA_HEIGHT_M = 0.9
_SPEED_M_S = 0.85
_SEED = 20260

SENSORS = {'left': Sensor(exposure=1.55), 'right': Sensor(exposure=1.55 * 0.93)}
NO_FAULTS = Sensor(exposure=1.55, blur_px=0, falloff=0, shot_noise=0, read_noise=0)


@dataclass(frozen=True)
class Pose:
    """Where the left camera is.

    Attributes:
        position: in the hall (x right, y down with the floor at 0, z ahead), metres.
        yaw: turned to the right, radians.
        pitch: lowered, radians.
    """

    position: Vector
    yaw: float
    pitch: float

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """Return the camera's x, y and z axis in the hall."""
        x = (math.cos(self.yaw), 0.0, -math.sin(self.yaw))
        z = (math.sin(self.yaw) * math.cos(self.pitch), math.sin(self.pitch),
             math.cos(self.yaw) * math.cos(self.pitch))
        return x, cross(z, x), z


@dataclass(frozen=True)
class Frame:
    """What the robot sees at one moment, and the truth.

    Attributes:
        index: number of the frame, from 0.
        time_s: since the first frame.
        left, right: uint8 [H, W, 3], RGB.
        disparity: float32 [H, W], pixels of the left view, exact at pixel centres.
        pose: of the left camera.
    """

    index: int
    time_s: float
    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    pose: Pose


class DemoScene:
    """The whole drive; frames can be asked for in any order and are always the same.

    Args:
        width: of the images, pixels.
        height: of the images, pixels.
        sensors: of the ``left`` and the ``right`` camera.
    """

    def __init__(self, width: int = 640, height: int = 384,
                 sensors: dict[str, Sensor] | None = None) -> None:
        self.camera = StereoCamera(width, height, FOCAL_SHARE * width, (width - 1) / 2,
                                   (height - 1) / 2, BASELINE_M)
        self._sensors = sensors or SENSORS
        self._renderer = _renderer()

    def frame(self, index: int) -> Frame:
        """Render frame number ``index``, 0 or more."""
        time_s = index / RATE_HZ
        pose = pose_at(time_s)
        axes = pose.axes()
        left_view = View(pose.position, axes, self.camera)
        x, y, z = (p + BASELINE_M * a for p, a in zip(pose.position, axes[0], strict=True))
        images = {}
        for side, view in (('left', left_view), ('right', replace(left_view, position=(x, y, z)))):
            light, depth = self._renderer.render(view)
            random = np.random.default_rng((_SEED, index, side == 'right'))
            images[side] = self._sensors[side].expose(light, random)
            if side == 'left':
                disparity = np.float32(self.camera.focal_px * BASELINE_M) / depth
        return Frame(index, time_s, images['left'], images['right'], disparity, pose)


@cache
def _renderer() -> Renderer:
    # Painting and lighting the hall takes longer than many frames, and is the same for all sizes.
    return Renderer(hall())


def pose_at(time_s: float) -> Pose:
    """Return where the robot's left camera is: it weaves a little, and nods on the slabs."""
    phase = 2 * math.pi * time_s / 5
    x = 0.22 * math.sin(phase)
    heading = math.atan2(0.22 * 2 * math.pi / 5 * math.cos(phase), _SPEED_M_S)
    nod = 0.004 * math.sin(2 * math.pi * 1.3 * time_s)
    return Pose((x, -CAMERA_HEIGHT_M, _SPEED_M_S * time_s), 0.3 * heading, 0.03 + nod)
