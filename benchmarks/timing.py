# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Timing that two things can be compared by on a machine that does other work as well."""

from __future__ import annotations

from collections.abc import Callable
import statistics
import time


def alternate(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run the functions in turn, so that all see the same machine, and return milliseconds.

    They are lower quartiles: what else the machine does only ever adds time.
    One round goes first and does not count. Each round begins with another function, because what
    ran before decides how much memory the allocator still holds.
    """
    names = list(functions)
    times: dict[str, list[float]] = {name: [] for name in functions}
    for count in range(rounds + 1):
        first = count % len(functions)
        for name in names[first:] + names[:first]:
            function = functions[name]
            start = time.perf_counter()
            function()
            if count:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.quantiles(values, n=4)[0] for name, values in times.items()}
