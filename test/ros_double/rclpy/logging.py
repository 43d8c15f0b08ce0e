# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging as _logging


class _Logger:
    """Writes to Python's log; rclpy's own writes to the terminal and to /rosout."""

    def __init__(self, name):
        self._log = _logging.getLogger(f'ros.{name}')

    def info(self, message):
        self._log.info(message)

    def warning(self, message):
        self._log.warning(message)

    def error(self, message):
        self._log.error(message)

    def fatal(self, message):
        self._log.critical(message)


def get_logger(name):
    return _Logger(name)
