# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network adapts itself to a new place, without ground truth, and is judged before use."""
