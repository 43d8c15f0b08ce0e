# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 messages as the bytes that lie in bags and travel on the wire."""
