# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong is said once, not once a frame; and again if it comes back after a good while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import re
import threading
import time

Say = Callable[[str, str], None]
"""Takes a level (``info``, ``warning``, ``error``) and a text."""

QUIET_S = 10.0
_NUMBER = re.compile(r'\d+(\.\d+)?')
_MAX_TEXTS = 20


@dataclass
class _Problem:
    text: str
    last_s: float
    said: set[str] = field(default_factory=set)


class SayOnce:
    """Keeps track of what is wrong by cause.

    Args:
        say: gets what is new.
        quiet_s: a cause that did not show for so long is over; before, it is the same problem.
        clock: seconds.
    """

    def __init__(self, say: Say, quiet_s: float = QUIET_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._quiet_s, self._clock = say, quiet_s, clock
        self._problems: dict[str, _Problem] = {}
        self._lock = threading.Lock()

    def problem(self, cause: str, text: str, level: str = 'warning') -> None:
        """Say the text, unless it was said for this cause and the cause did not go away since.

        Texts that differ in nothing but numbers count as one.
        """
        shape = _NUMBER.sub('#', text)
        with self._lock:
            found = self._problems.setdefault(cause, _Problem(text, 0.0))
            found.text, found.last_s = text, self._clock()
            new = shape not in found.said and len(found.said) < _MAX_TEXTS
            found.said.add(shape)
        if new:
            self._say(level, text)

    def fine(self, cause: str, *, at_once: bool = False) -> None:
        """Tell that nothing is wrong at present; cheap enough for each frame.

        Args:
            cause: as given to `problem`.
            at_once: the problem is known to be over, there is no need to wait and see.
        """
        if cause not in self._problems:
            return
        with self._lock:
            found = self._problems.get(cause)
            if found is None or not (
                    at_once or self._clock() - found.last_s >= self._quiet_s):
                return
            del self._problems[cause]
        self._say('info', f'{cause}: fine again')

    def present(self) -> dict[str, str]:
        """Return what is wrong now: cause -> text."""
        with self._lock:
            return {cause: problem.text for cause, problem in self._problems.items()}
