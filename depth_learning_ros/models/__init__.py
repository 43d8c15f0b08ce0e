# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks in PyTorch: tensors in, tensors out; no I/O, no choice of device."""
