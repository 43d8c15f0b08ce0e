# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Export a weights file that was never exported, once, into the engine cache."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import os
from pathlib import Path

from depth_learning_ros.engine.cache import EngineCache
from depth_learning_ros.engine.model_file import FORMAT_VERSION, file_sha256, read_model_file
from depth_learning_ros.errors import DataError, EngineError, ModelError


def export_into_cache(weights: Path, cache: EngineCache,
                      on_message: Callable[[str], None]) -> Path:
    """Give the exported file of a weights file, making it if it is not there yet.

    Raises:
        EngineError: PyTorch or onnx is not installed, or the cache cannot be written.
        ModelError: the weights are damaged.
    """
    digest = file_sha256(weights)
    entry = cache.entry(f'{weights.stem}-export', {'weights': digest, 'format': FORMAT_VERSION})
    output = cache.folder / f'{entry.stem}.onnx'
    with entry.lock():
        if _usable(output):
            return output
        if not cache.writable:
            raise EngineError(f'{weights} was never exported and the cache {cache.folder} cannot '
                              f"be written: export it with 'depth-learning export'")
        try:
            from depth_learning_ros.engine.export import export_model
        except ModuleNotFoundError as error:
            raise EngineError(
                f"{weights} was never exported, and exporting needs {error.name}: pip install "
                f"'depth_learning_ros[train]', or give an exported .onnx file") from error
        try:
            export_model(weights, output, force=True, on_message=on_message)
        except DataError as error:
            raise EngineError(f'cannot export {weights} into the cache: {error}') from error
    return output


def _usable(output: Path) -> bool:
    if not output.is_file():
        return False
    try:
        read_model_file(output)
    except (EngineError, ModelError):
        return False
    with suppress(OSError):
        os.utime(output)  # what was used longest ago is removed first
    return True
