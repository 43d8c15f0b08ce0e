# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes: thin walls of rclpy around `stream`, which does all the work."""
