# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a machine an adaptation may take."""

from __future__ import annotations

import cv2
import torch

#: A GPU knows no priorities between processes: who steps a tenth of the time delays others by
#: about a tenth.
GPU_SHARE = 0.1


def usual_share() -> float:
    """Give the share of its time that an adaptation beside other work is to compute, 0..1.

    On a CPU all of it: there the system lets others go first.
    """
    return GPU_SHARE if torch.cuda.is_available() else 1.0


def limit_threads(threads: int) -> None:
    """Let PyTorch and OpenCV of this process use so many threads; engines have their own."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    torch.set_flush_denormal(True)  # vanishing gradients would slow the step down
