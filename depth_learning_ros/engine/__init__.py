# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Export networks, run them on any backend, and trust none that was not measured."""

from __future__ import annotations

from collections.abc import Callable
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.errors import EngineError

if TYPE_CHECKING:
    from depth_learning_ros.engine.cache import EngineCache
    from depth_learning_ros.engine.sources import ModelEntry

__all__ = ['Engine', 'EngineInfo', 'available_models', 'open_engine']


def open_engine(model: str | Path, *, backend: str = 'auto', precision: str = 'auto',
                cache_dir: Path | None = None, max_disparity: int = 192,
                zoom: float | None = None,
                on_message: Callable[[str], None] | None = None) -> Engine:
    """Open a stereo engine.

    Args:
        model: a name (``crl-small``; ``bm``, ``sgbm``, ``sgbm-hh``), or the path of an .onnx or
            .safetensors file of this package, or of an .engine file (an engine is code: give only
            files whose origin you know).
        backend: ``openvino``, ``onnxruntime``, ``torch``, ``tensorrt``, ``tensorrt-rtx``, or
            ``auto``: the fastest that works.
        precision: ``fp32``, ``bf16``, ``fp16``, ``int8``, or ``auto``: the fastest of this
            machine whose error, measured on a fixed pair against PyTorch in float32, is within
            tolerance.
        cache_dir: where built engines and their errors are kept; None = ``DEPTH_LEARNING_CACHE``
            or the user's cache folder.
        max_disparity: how far the classical matchers search, in pixels.
        zoom: stereo networks are shown the images resized by this factor; None = small images
            enlarged to one megapixel, by 1.5 at most (`engine.zoom`), others as they are.
        on_message: told what takes long.

    Raises:
        EngineError: there is no such model or backend, or no engine of it can be trusted.
        ModelError: the weights are damaged.
    """
    from depth_learning_ros.engine.sources import CLASSICAL, find_source
    from depth_learning_ros.engine.zoom import zoomed
    if str(model) in CLASSICAL:
        if backend not in ('auto', 'opencv'):
            raise EngineError(f'{model} runs on opencv, not on {backend}: leave the backend out')
        if precision != 'auto':
            raise EngineError(f'{model} has one precision: leave {precision} out')
        from depth_learning_ros.engine.opencv import open_opencv
        return zoomed(open_opencv(str(model), max_disparity), zoom)
    from depth_learning_ros.engine.cache import EngineCache
    from depth_learning_ros.engine.select import BACKENDS, PRECISIONS, Selector
    for what, value, known in (('backend', backend, BACKENDS),
                               ('precision', precision, PRECISIONS)):
        if value != 'auto' and value not in known:
            raise EngineError(f'there is no {what} {value!r}: use auto, {", ".join(known)}')
    say = on_message or logging.getLogger(__name__).info
    if str(model).endswith('.engine'):
        # built for certain sizes, so never enlarged unasked
        return zoomed(_open_built(Path(model), backend, precision, EngineCache(cache_dir, say),
                                  say), 1.0 if zoom is None else zoom)
    selector = Selector(find_source(model), EngineCache(cache_dir, say), say)
    return zoomed(selector.open(backend, precision), zoom)


def _open_built(path: Path, backend: str, precision: str, cache: EngineCache,
                say: Callable[[str], None]) -> Engine:
    """Open a file that 'depth-learning build' wrote."""
    from depth_learning_ros.engine.engine_file import read_identity
    from depth_learning_ros.engine.select import load_runner
    from depth_learning_ros.engine.tensorrt_open import open_engine_file
    if not path.is_file():
        raise EngineError(f'there is no engine {path}')
    identity, _ = read_identity(path)
    own = identity.library.replace('_', '-')
    for what, value, built in (('backend', backend, own),
                               ('precision', precision, identity.precision)):
        if value not in ('auto', built):
            raise EngineError(f'{path} was built for the {what} {built}, not {value}: leave the '
                              f'{what} out, or build another one')
    return open_engine_file(path, lambda name: load_runner(name.replace('_', '-')).LIBRARY, cache,
                            say)


def available_models() -> list[ModelEntry]:
    """List what ``open_engine`` knows by name."""
    from depth_learning_ros.engine import sources
    return sources.available_models()
