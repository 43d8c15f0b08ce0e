# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning models``: what there is to choose from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import depth_learning_ros
from depth_learning_ros.errors import ModelError

_PACKAGE = Path(depth_learning_ros.__file__).parent
CATALOGUE = _PACKAGE / 'models' / 'catalogue.json'
WEIGHTS = _PACKAGE / 'weights'

_EPILOG = """\
GFLOP are those of one pair of 1242x375 pixels, a multiplication and an addition counting as two.
Models without weights can be trained, or filled with released weights by 'import-weights'. The
classical matchers bm, sgbm and sgbm-hh need none.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('--json', action='store_true', help='print a JSON list')


def run(args: argparse.Namespace) -> int:
    """Print the models; needs neither PyTorch nor any backend."""
    models = list_models()
    print(json.dumps(models, indent=2) if args.json else _to_text(models))
    return 0


def list_models() -> list[dict[str, Any]]:
    """Return each model's name, parameters, gflop_1242x375, description, weights and licence.

    ``weights`` is the name of the file that ships, None where there is none (or none is needed).

    Raises:
        ModelError: the package is damaged.
    """
    try:
        models = json.loads(CATALOGUE.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ModelError(f'{CATALOGUE} cannot be read ({error}): install the package '
                         f'again') from error
    for model in models:
        if model['weights'] and not (WEIGHTS / model['weights']).is_file():
            raise ModelError(f"the weights of {model['name']}, {WEIGHTS / model['weights']}, are "
                             f'missing: install the package again')
    return models


def _to_text(models: list[dict[str, Any]]) -> str:
    rows = [('model', 'parameters', 'GFLOP', 'weights', 'licence', '')]
    for model in models:
        rows.append((
            model['name'],
            '-' if model['parameters'] is None else f"{model['parameters']:,}",
            '-' if model['gflop_1242x375'] is None else f"{model['gflop_1242x375']:.1f}",
            _weights(model['weights']), model['licence'] or '-', model['description']))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if column in (1, 2) else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append('  '.join(cells).rstrip())
    return '\n'.join(lines)


def _weights(name: str | None) -> str:
    if not name:
        return '-'
    return f'shipped, {(WEIGHTS / name).stat().st_size / 1e6:.1f} MB'
