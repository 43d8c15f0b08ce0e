# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From what a user calls a model to the files it is made of."""

from __future__ import annotations

from dataclasses import dataclass
import difflib
import json
from pathlib import Path
from typing import Any

from depth_learning_ros.engine.model_file import is_export_of
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.checkpoint import WEIGHTS_FOLDER

CATALOGUE = Path(__file__).parent.parent / 'models' / 'catalogue.json'
CLASSICAL = ('bm', 'sgbm', 'sgbm-hh')


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be asked for by name.

    Attributes:
        name: what ``open_engine`` takes.
        classical: a matcher of OpenCV, which needs no weights.
        available: whether it can be opened as the package stands.
        about: its row of the catalogue (description, parameters, licence), empty without one.
    """

    name: str
    classical: bool
    available: bool
    about: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """The files of a network; at least one of them is there.

    Attributes:
        name: for messages.
        onnx: exported graph, None where it was never exported.
        weights: safetensors file that PyTorch can run, None where there is none.
    """

    name: str
    onnx: Path | None
    weights: Path | None


def available_models() -> list[ModelEntry]:
    """List the shipped networks, the ones that need weights of your own, and the matchers."""
    about = _catalogue()
    shipped = {path.stem for path in WEIGHTS_FOLDER.glob('*.onnx')}
    shipped |= {path.stem for path in WEIGHTS_FOLDER.glob('*.safetensors')}
    names = [*about, *sorted(shipped - set(about)), *(n for n in CLASSICAL if n not in about)]
    return [ModelEntry(name, name in CLASSICAL, name in shipped or name in CLASSICAL,
                       about.get(name, {})) for name in names]


def find_source(model: str | Path) -> Source:
    """Find a network's files.

    Args:
        model: a name, or the path of an .onnx or .safetensors file.

    Raises:
        EngineError: there is no such model; the nearest name is suggested.
    """
    path = Path(model)
    if path.suffix in ('.onnx', '.safetensors'):
        return _from_file(path)
    if path.exists() or len(path.parts) > 1:
        raise EngineError(f'{path} is no model: expected a name, or an .onnx, .safetensors or '
                          f'.engine file')
    onnx, weights = (WEIGHTS_FOLDER / f'{model}{suffix}' for suffix in ('.onnx', '.safetensors'))
    if onnx.is_file() or weights.is_file():
        return Source(str(model), onnx if onnx.is_file() else None,
                      weights if weights.is_file() else None)
    raise EngineError(_unknown(str(model)))


def _from_file(path: Path) -> Source:
    if not path.is_file():
        raise EngineError(f'there is no model file {path}')
    # A namesake that was made from other values would answer for this file without being it.
    if path.suffix == '.onnx':
        weights = path.with_suffix('.safetensors')
        return Source(path.stem, path, weights if is_export_of(path, weights) else None)
    onnx = path.with_suffix('.onnx')
    return Source(path.stem, onnx if is_export_of(onnx, path) else None, path)


def _unknown(name: str) -> str:
    entries = available_models()
    ready = [entry.name for entry in entries if entry.available]
    if name in {entry.name for entry in entries}:
        return (f'no weights ship for {name}: train it, or read released ones with '
                f'import-weights, and give the .safetensors file instead of the name. Ready to '
                f'use: {", ".join(ready)}')
    near = difflib.get_close_matches(name, [entry.name for entry in entries], 1)
    hint = f'; did you mean {near[0]!r}?' if near else '.'
    return f'there is no model {name!r}{hint} Ready to use: {", ".join(ready)}'


def _catalogue() -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads(CATALOGUE.read_text(encoding='utf-8'))
        return {row['name']: row for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # names still work; 'depth-learning models' tells that it is damaged
