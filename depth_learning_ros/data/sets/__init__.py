# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public stereo data sets, one file per family; `registry` opens them by name."""
