# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A few of many, spread evenly."""

from __future__ import annotations


def spread(count: int, most: int) -> list[int]:
    """Give the indexes of at most so many things out of ``count``, first and last among them."""
    chosen = min(count, most)
    return [round(i * (count - 1) / max(1, chosen - 1)) for i in range(chosen)]
