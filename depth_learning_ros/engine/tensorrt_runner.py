# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT: Jetson (JetPack brings it) and data centres; builds for the GPU at hand."""

from __future__ import annotations

import tensorrt

from depth_learning_ros.engine.tensorrt_library import Library

VERSION: str = tensorrt.__version__
PRECISIONS = ('fp32', 'fp16', 'int8')
LIBRARY = Library(tensorrt, portable=False)
