# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A mono engine for tests, whose answers can be worked out by hand."""

from __future__ import annotations

import numpy as np

from depth_learning_ros.engine.base import Engine, EngineInfo

FACTS = {'virtual_baseline_m': '0.5', 'focal_px': '40.0', 'training_size': '[32, 64]'}


class MonoEngine(Engine):
    """Gives each column its number as disparity, and how bright the pixel is as confidence."""

    def __init__(self, outputs=('disparity', 'confidence'), facts=FACTS, inputs=('left',)):
        self.info = EngineInfo('fake-mono', 'test', '1', 'fp32', 'cpu', inputs=inputs,
                               outputs=outputs, metadata=facts)
        self.sizes: list[tuple[int, int]] = []
        self.prepared: list[tuple[int, int]] = []

    def infer(self, inputs):
        left = inputs['left']
        self.sizes.append(left.shape[1:3])
        columns = np.broadcast_to(np.arange(left.shape[2], dtype=np.float32), left.shape[:3])
        found = {'disparity': columns + 1, 'right': left[:, :, ::-1].copy(),
                 'confidence': (left[..., 0] / 255).astype(np.float32)}
        return {name: found[name] for name in self.info.outputs}

    def prepare(self, height, width):
        self.prepared.append((height, width))
