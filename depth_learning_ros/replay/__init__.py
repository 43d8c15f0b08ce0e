# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bag to pipeline to bag, with no ROS 2 installed."""
