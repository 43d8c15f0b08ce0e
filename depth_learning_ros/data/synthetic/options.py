# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which parts of the generator are in use: all, unless an ablation leaves some out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from depth_learning_ros.errors import DataError

#: Scenes of one number differ between versions; a pool holds those of one version.
VERSION = 3
WORLD_NAMES = ('floating', 'room', 'road', 'table', 'clutter')


@dataclass(frozen=True)
class GeneratorOptions:
    """What scenes may hold.

    Attributes:
        worlds: kinds of scenes, of ``WORLD_NAMES``.
        height_fields: rolling ground, cloth, cushions.
        foliage: bushes and crowns of layered leaves.
        compounds: bottles, buckets, chairs, shelves, people, pipes, rather than bare solids alone.
        reflections: paint, glass and floors that mirror their surroundings.
        leaf_shadows: patches of shadow of what is out of view.
        grain: fine detail that shows from close by.
        weak_looks: low contrast, pastel scenes and next to no texture.
        skies: gradients, clouds and overexposed skies; else a texture of any kind.
        exposure: of the cameras, for a mean brightness: dark scenes become bright, and bright
            parts of some run into white.
        textures: a folder of the user's own pictures; None = procedural textures alone.
        picture_share: how many of the textures are cut from those pictures, 0..1.
    """

    worlds: tuple[str, ...] = WORLD_NAMES
    height_fields: bool = True
    foliage: bool = True
    compounds: bool = True
    reflections: bool = True
    leaf_shadows: bool = True
    grain: bool = True
    weak_looks: bool = True
    skies: bool = True
    exposure: bool = True
    textures: str | None = None
    picture_share: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, 'worlds', tuple(self.worlds))
        unknown = set(self.worlds) - set(WORLD_NAMES)
        if unknown or not self.worlds:
            raise DataError(f'generator worlds {list(self.worlds)}: give some of {WORLD_NAMES}')
        if not 0 <= self.picture_share <= 1:
            raise DataError(f'generator picture_share is {self.picture_share!r}: give 0..1')

    @classmethod
    def bare(cls) -> GeneratorOptions:
        """Leave out every part that can be switched off; all worlds stay."""
        return cls.from_dict({f.name: False for f in fields(cls) if f.default is True})

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), 'worlds': list(self.worlds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeneratorOptions:
        """Build from plain values.

        Raises:
            DataError: an option is unknown or of no use.
        """
        known = [f.name for f in fields(cls)]
        unknown = set(values) - set(known)
        if unknown:
            raise DataError(f'unknown generator options {sorted(unknown)}: known are {known}')
        return cls(**values)
