# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m depth_learning_ros`` is the command ``depth-learning``."""

from __future__ import annotations

import sys

from depth_learning_ros.cli import main

if __name__ == '__main__':
    sys.exit(main())
