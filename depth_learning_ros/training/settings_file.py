# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings from a YAML file, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from depth_learning_ros.errors import TrainingError


def read_settings(path: Path, example: str) -> dict[str, Any]:
    """Read the settings of a YAML file by their names.

    Args:
        example: what such a file begins with, for the message.

    Raises:
        TrainingError: it cannot be read, is no YAML, or holds no settings.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f'cannot read {path}: {error}') from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise TrainingError(f'{path} holds no settings: expected "{example}" and so on')
    return values
