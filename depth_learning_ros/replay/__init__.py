# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bag to pipeline to bag, with no ROS 2 installed."""

from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.report import ReplayReport
from depth_learning_ros.replay.run import replay
from depth_learning_ros.replay.topics import TopicWishes

__all__ = ['ReplayOptions', 'ReplayReport', 'TopicWishes', 'replay']
