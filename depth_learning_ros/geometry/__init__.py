# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pure functions from disparity to depth, points and confidence."""
