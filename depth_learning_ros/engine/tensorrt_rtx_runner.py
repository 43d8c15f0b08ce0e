# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT for RTX: desktop GPUs since Turing; builds engines where there is no GPU, too."""

from __future__ import annotations

import tensorrt_rtx

from depth_learning_ros.engine.tensorrt_library import Library

VERSION: str = tensorrt_rtx.__version__
PRECISIONS = ('fp32', 'fp16', 'int8')
LIBRARY = Library(tensorrt_rtx, portable=True)
