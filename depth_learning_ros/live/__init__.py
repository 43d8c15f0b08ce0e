# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline on live ROS 2 topics by DDS, with no ROS 2 installed.

`Participant` is a node in the ROS 2 graph, with publishers, subscriptions and services of CDR
bytes. `LiveProcess` puts the stream that the nodes run on its topics, `Player` publishes a
recording, and `Watcher` listens.
"""
