# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How somebody who waits is told how far slow work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

#: Takes how many pieces are done, and of how many.
OnProgress = Callable[[int, 'int | None'], None]
#: Begins a piece of work with a name, counted in some unit (``'%'`` = shares of it).
Meters = Callable[[str, str], AbstractContextManager[OnProgress]]
#: Called when a piece is done; what it raises ends the work.
AfterEach = Callable[[], object]


def nothing() -> None:
    """Be called for nothing."""


@contextmanager
def unwatched(name: str, unit: str) -> Iterator[OnProgress]:
    """Tell nobody."""
    yield lambda done, total: None
