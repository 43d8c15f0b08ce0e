# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a stream needs of whatever carries its messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

TF_STATIC = '/tf_static'


class Outlet(ABC):
    """A transport as the stream sees it; its methods are called by the stream's threads."""

    @abstractmethod
    def wanted(self) -> Collection[str]:
        """Return the topics (``messages.OUTPUT_TYPES``) that somebody listens to now."""

    @abstractmethod
    def publish(self, topic: str, message: Any) -> None:
        """Send a message to a topic of ``messages.OUTPUT_TYPES``, or to :data:`TF_STATIC`.

        What goes to :data:`TF_STATIC` must reach late listeners too (transient local).
        """

    @abstractmethod
    def make(self, kind: str, /, **fields: Any) -> Any:
        """Make a message; see `messages.MessageWriter`."""

    @abstractmethod
    def now_ns(self) -> int:
        """Return the time of the clock that stamps are of, in nanoseconds."""

    @abstractmethod
    def say(self, level: str, text: str) -> None:
        """Tell the user; the level is ``info``, ``warning`` or ``error``."""

    def cloud_memory(self, height: int, width: int) -> np.ndarray | None:
        """Return float32 [height, width, 4], from which a cloud is published without a copy.

        None when there is no such memory.
        """
        return None

    def reverted(self, changes: Mapping[str, Any]) -> None:  # noqa: B027 - optional
        """Take note that settings are back to what they were, as the model could not be loaded.

        Called by the thread that loads models.
        """
