# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a machine an adaptation may take."""

from __future__ import annotations

import cv2
import torch


def limit_threads(threads: int) -> None:
    """Let PyTorch and OpenCV of this process use so many threads; engines have their own."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    torch.set_flush_denormal(True)  # vanishing gradients would slow the step down
