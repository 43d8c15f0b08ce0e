# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered stereo pairs with exact disparity, endless and deterministic by seed."""
