# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a mono model must say about itself: without it, its disparity has no metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
import math
from typing import TYPE_CHECKING, Any

from depth_learning_ros.errors import CalibrationError, ModelError
from depth_learning_ros.types import check_baseline

if TYPE_CHECKING:
    from depth_learning_ros.models.checkpoint import CheckpointInfo

_KEYS = ('virtual_baseline_m', 'focal_px', 'training_size')


@dataclass(frozen=True)
class MonoFacts:
    """The camera that a mono network imagines to be looking through.

    Attributes:
        virtual_baseline_m: distance of the imagined right camera, metres: that of the rig whose
            pairs it learned from.
        focal_px: focal length of the training images, in pixels of the training size. Depth does
            not need it; a camera that sees a very different angle is better told so.
        training_size: height and width that images are brought to, pixels.

    Raises:
        ModelError: a value is not possible.
    """

    virtual_baseline_m: float
    focal_px: float
    training_size: tuple[int, int]

    def __post_init__(self) -> None:
        try:
            check_baseline(self.virtual_baseline_m)
        except CalibrationError as error:
            raise ModelError(f'the virtual baseline cannot be used: {error}') from error
        if not (math.isfinite(self.focal_px) and self.focal_px > 0):
            raise ModelError(f'the focal length of the training images is {self.focal_px} px: it '
                             f'must be positive')
        if len(self.training_size) != 2 or min(self.training_size) < 8:
            raise ModelError(f'the training size is {self.training_size}: expected height and '
                             f'width in pixels, 8 or more')

    @property
    def aspect(self) -> float:
        """Width / height of the training size."""
        return self.training_size[1] / self.training_size[0]

    def to_dict(self) -> dict[str, Any]:
        """Give what is written into a weights file (its notes) or an exported file."""
        return {'virtual_baseline_m': self.virtual_baseline_m, 'focal_px': self.focal_px,
                'training_size': list(self.training_size)}

    @classmethod
    def of(cls, values: Mapping[str, Any], model: str) -> MonoFacts:
        """Read them from a model's metadata, or from a weights file's notes.

        Raises:
            ModelError: one is missing or makes no sense.
        """
        parsed = {key: _parsed(values[key]) for key in _KEYS if values.get(key) is not None}
        missing = [key for key in _KEYS if key not in parsed]
        if missing:
            raise ModelError(
                f'{model} is a mono model that does not say its {", ".join(missing)}: its '
                f'disparity has no scale. Export it again from weights that do, or ship it with '
                f'--virtual-baseline, --focal and --training-size')
        try:
            height, width = (int(value) for value in parsed['training_size'])
            return cls(float(parsed['virtual_baseline_m']), float(parsed['focal_px']),
                       (height, width))
        except (TypeError, ValueError) as error:
            raise ModelError(f'{model} holds {parsed}, which does not describe a mono model '
                             f'({error}): expected two numbers, and height and width') from error


def mono_facts(info: CheckpointInfo) -> MonoFacts | None:
    """Give what a weights file says of its imagined camera; None for stereo networks.

    Raises:
        ModelError: it is a mono network and does not say it.
    """
    if not info.config.single_view:
        return None
    return MonoFacts.of(info.notes, info.name)


def engine_metadata(info: CheckpointInfo) -> dict[str, str]:
    """Give the metadata of an engine that runs a weights file: all values are strings."""
    facts = mono_facts(info)
    extra = {} if facts is None else facts.to_dict()
    return {**info.to_metadata(), **{key: json.dumps(value) for key, value in extra.items()}}


def _parsed(value: Any) -> Any:
    """Exported files hold strings, notes hold the values themselves."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
