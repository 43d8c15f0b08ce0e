# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `make demo` does: a rendered or a given stereo bag through models, and what to look at."""
