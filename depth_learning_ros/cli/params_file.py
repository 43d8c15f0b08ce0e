# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings in ROS 2's parameter files, so that the node's file serves the live command too."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from depth_learning_ros.errors import DataError

_SECTION = 'ros__parameters'
# What nodes have and a process without ROS 2 has by other means.
_IGNORED = ('use_sim_time', 'qos_overrides')


def read_parameters(path: Path, known: Collection[str]) -> dict[str, Any]:
    """Read the parameters of the one node in a file.

    Raises:
        DataError: the file cannot be read, is of another form, describes several nodes, or names
            a parameter that is not known.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    try:
        content = YAML(typ='safe').load(path)
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise DataError(f'{path} cannot be read: {error}') from error
    sections = list(_sections(content))
    if len(sections) != 1:
        raise DataError(f'{path} describes {len(sections)} nodes: expected one, as '
                        f"'/**:' above '{_SECTION}:' above names with values")
    values = {name: value for name, value in sections[0].items() if name not in _IGNORED}
    unknown = sorted(set(map(str, values)).difference(known))
    if unknown:
        raise DataError(f'{path} has unknown parameters {", ".join(unknown)}: there are '
                        f'{", ".join(known)}')
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()}


def _sections(content: Any) -> Any:
    """Yield the dictionaries of parameters, at whatever depth of namespaces they are."""
    if not isinstance(content, dict):
        return
    for name, inner in content.items():
        if name == _SECTION and isinstance(inner, dict):
            yield inner
        else:
            yield from _sections(inner)
