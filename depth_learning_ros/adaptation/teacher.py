# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels whole frames of the target and keeps the labels: they are made once, and often used."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from typing import Any

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.figures import as_tensor
from depth_learning_ros.adaptation.frames import TRAIN, FrameStore
from depth_learning_ros.adaptation.label_files import LabelFiles, Maps
from depth_learning_ros.adaptation.labels import label_both
from depth_learning_ros.adaptation.predict import Predictor


class Teacher:
    """Weights that label, and what they said.

    Args:
        predictor: of the weights, which `learn` changes.
        frames: of the target.
        config: how labels are made.
    """

    def __init__(self, predictor: Predictor, frames: FrameStore,
                 config: AdaptationConfig) -> None:
        self.predictor, self.frames, self.config = predictor, frames, config
        self._files: LabelFiles | None = None

    def labels_of(self, index: int) -> Maps:
        """Give the labels of a frame to learn from: of the left and of the right view.

        Returns:
            float32 [H, W] each, <= 0, NaN where unknown.

        Raises:
            DataError: they cannot be kept: the disk is full.
        """
        if self._files is None:
            paths = self.frames.paths[TRAIN]
            self._files = LabelFiles(self.frames.folder / 'labels', self._maker(), paths)
        return self._files.get(self.frames.paths[TRAIN][index], lambda: self._make(index))

    def _make(self, index: int) -> Maps:
        left, right = (as_tensor(view).to(self.predictor.device)
                       for view in self.frames.load(TRAIN, index))
        mine, other = (labels[0, 0].cpu().numpy()
                       for labels in label_both(self.predictor, left, right, self.config))
        return mine, other

    def _maker(self) -> str:
        """Name the weights and the settings that labels depend on."""
        config = self.config
        digest = hashlib.sha256(repr((config.zooms, config.upside_down, config.matcher,
                                      config.consistency_px, config.fill,
                                      config.precision)).encode())
        for values in self.predictor.network.state_dict().values():
            digest.update(values.cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def learn(self, weights: Mapping[str, Any]) -> None:
        """Label with these weights from now on."""
        self.predictor.network.load_state_dict(weights)
        self.forget()

    def forget(self) -> None:
        """Ask anew whose labels there are: the weights may be others."""
        self._files = None
