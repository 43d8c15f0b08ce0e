# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations


class AsyncParameterClient:
    """Nodes of the double have no services."""

    def __init__(self, node, remote_node_name):
        self.remote_node_name = remote_node_name

    def services_are_ready(self):
        return False
