# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels whole frames of the target and keeps the labels: they are made once, and often used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.figures import as_tensor
from depth_learning_ros.adaptation.frames import TRAIN, FrameStore
from depth_learning_ros.adaptation.labels import label_both
from depth_learning_ros.adaptation.predict import Predictor

#: Frames whose labels are kept in memory; half precision, 2 MB each at 1242 x 375.
KEPT_FRAMES = 200


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
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def labels_of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the labels of a frame to learn from: of the left and of the right view.

        Returns:
            float32 [H, W] each, <= 0, NaN where unknown.
        """
        if index not in self._kept:
            if len(self._kept) >= KEPT_FRAMES:
                self._kept.pop(next(iter(self._kept)))
            left, right = (as_tensor(view).to(self.predictor.device)
                           for view in self.frames.load(TRAIN, index))
            mine, other = label_both(self.predictor, left, right, self.config)
            self._kept[index] = _small(mine), _small(other)
        mine_kept, other_kept = self._kept[index]
        return mine_kept.astype(np.float32), other_kept.astype(np.float32)

    def learn(self, weights: Mapping[str, Any]) -> None:
        """Label with these weights from now on."""
        self.predictor.network.load_state_dict(weights)
        self.forget()

    def forget(self) -> None:
        """Make the labels anew: the weights, or the frames, are others."""
        self._kept.clear()


def _small(labels: Tensor) -> np.ndarray:
    return np.asarray(labels[0, 0].cpu().numpy(), np.float16)
