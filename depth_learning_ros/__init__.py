# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learned depth for robots: stereo and single-view networks from camera bytes to point clouds."""
