# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What everything that processes live images shares, whatever brings the messages."""
