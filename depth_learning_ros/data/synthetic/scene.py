# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What there is to render: surfaces with looks, light, and the rig that sees them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from depth_learning_ros.data.synthetic.relief import Relief
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad
from depth_learning_ros.data.synthetic.waves import Waves

SKY = 0  # texture number of the sky
Surface = Quad | Ellipsoid | Cylinder | Relief
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Thing:
    """A surface with its look.

    Attributes:
        texture: number in the scene's textures.
        gloss: strength of the highlight, 0 = matt.
        mirror: share of the surroundings' reflection, 0 = none.
        grain: strength of the fine detail that shows from close by, 0 = smooth.
    """

    surface: Surface
    texture: int
    gloss: float = 0.0
    mirror: float = 0.0
    grain: float = 0.0


@dataclass(frozen=True)
class Surroundings:
    """What shiny things mirror, by direction; lengths on the unit sphere.

    Attributes:
        texture: of trees or houses, number in the scene's textures.
        scale: repeats of that texture per unit.
        blur: texels that a pixel averages, at least: polish.
        height, skyline: trees rise to ``height * (0.6 + skyline)`` above the horizon, where the
            waves are of the direction; where these are short, sky shows between leaves.
        brightness, sky_brightness: against the textures themselves.
    """

    texture: int
    scale: float
    blur: float
    height: float
    skyline: Waves
    brightness: float
    sky_brightness: float


@dataclass(frozen=True)
class Scene:
    """Everything there is to render; lengths in baselines.

    Attributes:
        textures: (T, 3, SIZE, SIZE) in 0..1; number 0 is the sky's.
        focal_px: focal length.
        horizon: row of the principal point, as a share of the height.
        light: unit vector towards the light.
        ambient: share of the light that comes from everywhere.
        occluders: indices of the things that cast shadows.
        exposure: mean brightness of the left image that both cameras are exposed for: what
            comes out brighter than 1 is white; 0 = as the light falls.
        grain: (SIZE, SIZE) around 0, the fine detail; None = none.
        patches: shadows of leaves that are out of view, in baselines across the light.
        surroundings: what shiny things mirror; None = they show their own colour.
    """

    things: list[Thing]
    textures: Tensor
    width: int
    height: int
    focal_px: float
    horizon: float
    light: Vector
    ambient: float
    occluders: tuple[int, ...] = ()
    exposure: float = 0.0
    grain: Tensor | None = None
    patches: Waves | None = None
    surroundings: Surroundings | None = None
