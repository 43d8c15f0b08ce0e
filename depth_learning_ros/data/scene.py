# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every source of stereo pairs gives: scenes that are found at once and loaded on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from depth_learning_ros.data.images import read_image
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoCamera, StereoPair


@dataclass(frozen=True, eq=False)
class StereoSample:
    """One scene, loaded. Maps belong to the left view where nothing else is said.

    Attributes:
        set_name, name: of the scene; together they are unique.
        pair: the two images.
        disparity: float32 [H, W], pixels, >= 0, NaN where there is no ground truth; or None.
        disparity_right: the same of the right view (its match lies at x + d); or None.
        non_occluded: bool [H, W], True where the pixel is seen in both views; or None.
        objects: bool [H, W], True on a foreground object (KITTI's D1-fg); or None.
        read_camera: reads the calibration; None when there is none.
    """

    set_name: str
    name: str
    pair: StereoPair
    disparity: np.ndarray | None = None
    disparity_right: np.ndarray | None = None
    non_occluded: np.ndarray | None = None
    objects: np.ndarray | None = None
    read_camera: Callable[[], StereoCamera] | None = None

    @property
    def left(self) -> np.ndarray:
        """uint8 [H, W, 3], RGB."""
        return self.pair.left

    @property
    def right(self) -> np.ndarray:
        """uint8 [H, W, 3], RGB."""
        return self.pair.right

    @cached_property
    def camera(self) -> StereoCamera | None:
        """The calibration, read when it is first asked for; None when there is none.

        Raises:
            CalibrationError: there is one, and it gives no metric depth.
        """
        return None if self.read_camera is None else self.read_camera()


class StereoSource(Protocol):
    """What training and adaptation draw from; whatever has these two methods will do.

    A data set folder is one (`StereoSet`); so is a bag behind an index of its stamps.
    """

    def __len__(self) -> int:
        """Return how many pairs there are."""

    def __getitem__(self, index: int) -> StereoSample:
        """Load one pair, the same for the same index."""


class NamedScene(Protocol):
    """A scene of a data set, loaded or not."""

    @property
    def set_name(self) -> str:
        """The data set it is of."""

    @property
    def name(self) -> str:
        """Its name there."""


class LoadableScene(NamedScene, Protocol):
    """A scene that is known by name and not loaded yet."""

    def load(self) -> StereoSample:
        """Read it."""


@dataclass(frozen=True)
class MapFile:
    """A file of one value per pixel, and the function that reads its format."""

    path: Path
    read: Callable[[Path], np.ndarray]

    @classmethod
    def of(cls, path: Path | None, read: Callable[[Path], np.ndarray]) -> MapFile | None:
        """Return the map of a file that may be absent."""
        return None if path is None else cls(path, read)


@dataclass(frozen=True)
class Scene:
    """Where the files of one scene are; the optional ones are None where there is no such file.

    Attributes:
        set_name, name: the data set, and the scene's name there.
        left, right: images.
        disparity, disparity_right, non_occluded, objects: see `StereoSample`.
        camera: gives the calibration of images of a width and a height.
    """

    set_name: str
    name: str
    left: Path
    right: Path
    disparity: MapFile | None = None
    disparity_right: MapFile | None = None
    non_occluded: MapFile | None = None
    objects: MapFile | None = None
    camera: Callable[[int, int], StereoCamera] | None = None

    def load(self) -> StereoSample:
        """Read the images and what is known about them.

        Raises:
            DataError: a file is missing or damaged, or the sizes differ.
        """
        try:
            pair = StereoPair(read_image(self.left), read_image(self.right))
        except DataError as error:
            raise DataError(f'scene {self.set_name}/{self.name}: {error}') from error
        height, width = pair.left.shape[:2]
        return StereoSample(
            self.set_name, self.name, pair,
            disparity=self._read(self.disparity, height, width),
            disparity_right=self._read(self.disparity_right, height, width),
            non_occluded=self._read(self.non_occluded, height, width),
            objects=self._read(self.objects, height, width),
            read_camera=None if self.camera is None else partial(self.camera, width, height))

    def _read(self, file: MapFile | None, height: int, width: int) -> np.ndarray | None:
        if file is None:
            return None
        values = file.read(file.path)
        if values.shape != (height, width):
            raise DataError(
                f'{file.path} is {values.shape[1]}x{values.shape[0]}, the image {self.left} is '
                f'{width}x{height}: ground truth and images must have one size')
        return values


class StereoSet(Sequence[StereoSample]):
    """The scenes of a folder in the order of their names; each is loaded when it is asked for.

    Attributes:
        name: of the set, as in the registry.
        scenes: where the files are.
    """

    name: str
    scenes: list[Scene]

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> StereoSample:  # type: ignore[override]
        return self.scenes[index].load()

    def sets(self) -> list[tuple[str, list[Scene]]]:
        """Return the names of the sets in here, most often one, each with its scenes."""
        grouped: dict[str, list[Scene]] = {}
        for scene in self.scenes:
            grouped.setdefault(scene.set_name, []).append(scene)
        return list(grouped.items())
