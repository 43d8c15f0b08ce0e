# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The package's log, which knows no ROS, into that of a node."""

from __future__ import annotations

import logging
from typing import Any

_PACKAGE = 'depth_learning_ros'


class forward_logging:  # noqa: N801 - used as a verb
    """Hands on what the package logs, from INFO on, until `remove`."""

    def __init__(self, logger: Any) -> None:
        self._handler = _Handler(logger)
        package = logging.getLogger(_PACKAGE)
        package.addHandler(self._handler)
        if package.getEffectiveLevel() > logging.INFO:
            package.setLevel(logging.INFO)

    def remove(self) -> None:
        """End it."""
        logging.getLogger(_PACKAGE).removeHandler(self._handler)


class _Handler(logging.Handler):
    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        # rclpy tells calls apart by their line, and wants one level for each
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)
