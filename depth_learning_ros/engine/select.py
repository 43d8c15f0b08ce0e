# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Choose a backend and a precision for a network, and trust none before it was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
import logging
from pathlib import Path
import time
from typing import Any

from depth_learning_ros.engine import processor
from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.engine.cache import CompiledModels, EngineCache
from depth_learning_ros.engine.cuda_driver import why_no_gpu
from depth_learning_ros.engine.model_file import ModelFile, file_sha256, read_model_file
from depth_learning_ros.engine.reference import MeasuredError, Reference, measure
from depth_learning_ros.engine.sources import Source
from depth_learning_ros.errors import EngineError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backend:
    """What is known of a backend before it is imported.

    Attributes:
        library: what it imports.
        extra: the package extra that brings the library.
        runner: the module that holds ``VERSION``, ``PRECISIONS`` and the engine class.
        uses_onnx: it runs the exported file; else the weights.
        install: how the library is installed where no extra brings it.
    """

    library: str
    extra: str
    runner: str
    uses_onnx: bool = True
    install: str = ''


# In the order in which ``auto`` tries them on a machine without a GPU: fastest first.
BACKENDS: dict[str, Backend] = {
    'openvino': Backend('openvino', 'cpu', 'openvino_runner'),
    'onnxruntime': Backend('onnxruntime', 'cpu', 'onnxruntime_runner'),
    'torch': Backend('torch', 'train', 'torch_runner', uses_onnx=False),
    'tensorrt': Backend('tensorrt', '', 'tensorrt_runner', install='it comes with JetPack, and '
                        "for data centre GPUs from NVIDIA's package index (docs/tensorrt.md)"),
    'tensorrt-rtx': Backend('tensorrt_rtx', 'tensorrt-rtx', 'tensorrt_rtx_runner'),
}
# ... and on one with a GPU. No network runs on TensorRT without one.
ON_GPU = ('tensorrt', 'tensorrt-rtx', 'torch', 'openvino', 'onnxruntime')
TENSORRT = ('tensorrt', 'tensorrt-rtx')
PRECISIONS = ('fp32', 'bf16', 'fp16', 'int8')


class Selector:
    """Opens one network: ``open`` tries backends and precisions until one can be trusted."""

    def __init__(self, source: Source, cache: EngineCache,
                 on_message: Callable[[str], None]) -> None:
        self._source = source
        self._cache = cache
        self._on_message = on_message
        self._model: ModelFile | None = None

    def open(self, backend: str, precision: str) -> Engine:
        """Give an engine whose error was measured.

        Args:
            backend: a key of ``BACKENDS``, or ``auto`` for the first one that works.
            precision: one of ``PRECISIONS``, or ``auto`` for the fastest one within tolerance.

        Raises:
            EngineError: none works; says why for each.
        """
        if self._source.onnx is not None:
            self._exported()  # a damaged file is one error, not one for each backend
        reasons = []
        for name in automatic() if backend == 'auto' else [backend]:
            try:
                engine = self._open_backend(name, precision)
            except EngineError as error:
                reasons.append(f'{name}: {error}')
                log.info('backend %s', reasons[-1])
                continue
            info = engine.info
            log.info('%s runs on %s %s in %s on %s, %s px from PyTorch', info.model, info.backend,
                     info.backend_version, info.precision, info.device,
                     f'{info.error_px:.2g}')
            return engine
        if backend != 'auto':
            raise EngineError(reasons[0])
        raise EngineError(f'no backend can run {self._source.name}. ' + '; '.join(reasons))

    def _open_backend(self, name: str, precision: str) -> Engine:
        module = load_runner(name)
        wanted = _candidates(name) if precision == 'auto' else (precision,)
        if wanted[0] not in module.PRECISIONS:
            raise EngineError(f'it computes in {", ".join(module.PRECISIONS)}, not in {wanted[0]}')
        for number, candidate in enumerate(wanted):
            try:
                return self._trusted(name, module, candidate)
            except EngineError as error:
                if number + 1 == len(wanted):
                    raise
                log.warning('%s in %s is not used: %s; falling back to %s', name, candidate,
                            error, wanted[number + 1])
        raise AssertionError('there is always a last candidate')

    def _trusted(self, name: str, module: Any, precision: str) -> Engine:
        """Open an engine and measure it, or find its measurement in the cache."""
        if name in TENSORRT:
            return self._tensorrt(module, precision)
        key = {**self._key(name), 'backend': name, 'version': module.VERSION,
               'processor': processor.model_name(), 'features': list(processor.features()),
               'precision': precision}
        label = f'{self._source.name}-{name}-{precision}'
        # measured on an engine of its own, whose compiled form for that size is not worth keeping
        error = self._measured(lambda: self._build(name, module, precision, None), label, key)
        if not error.acceptable:
            raise EngineError(
                f'its disparity is wrong on the fixed pair: {error} away from PyTorch')
        store = CompiledModels(self._cache, label, key, {'error': asdict(error)})
        engine = self._build(name, module, precision, store)
        engine.info = replace(engine.info, error_px=error.mean_px)
        return engine

    def _tensorrt(self, module: Any, precision: str) -> Engine:
        """Open an engine that is measured itself: what is built for one size takes others too."""
        if precision == 'int8':
            raise EngineError("int8 needs images to calibrate on: build it with 'depth-learning "
                              "build --precision int8 --calibrate BAG', and give the .engine file")
        obstacle = why_no_gpu()
        if obstacle:
            raise EngineError(obstacle)
        try:
            from depth_learning_ros.engine.growing_engine import GrowingEngine
        except ModuleNotFoundError as error:
            raise EngineError(f'building an engine needs {error.name}: pip install {error.name}; '
                              f'an .engine file that was built elsewhere runs without') from error
        return GrowingEngine(module.LIBRARY, self._exported(), precision, self._cache,
                             self._on_message, weights=self._source.weights)

    def _measured(self, build: Callable[[], Engine], label: str,
                  key: Mapping[str, Any]) -> MeasuredError:
        entry = self._cache.entry(label, {**key, 'measured': 'fixed pair'})
        with entry.lock():
            found = _stored_error(entry.load())
            if found is not None:
                return found
            self._on_message(f'measuring {label} against PyTorch')
            start = time.perf_counter()
            with build() as engine:
                error = measure(engine, self._reference())
            entry.save({'error': asdict(error), 'seconds': time.perf_counter() - start})
            return error

    def _build(self, name: str, module: Any, precision: str,
               store: CompiledModels | None) -> Engine:
        if name == 'torch':
            return module.open_torch(self._weights(), self._info(), precision)
        if name == 'openvino':
            return module.OpenVinoEngine(self._exported().path, self._info(), precision, store)
        return module.OnnxRuntimeEngine(self._exported().path, self._info())

    def _info(self) -> EngineInfo:
        """Describe the network; the runner fills in what it is itself."""
        if self._source.onnx is not None:
            model = self._exported()
            return EngineInfo(model.name, '', '', 'fp32', '', model.inputs, model.outputs,
                              metadata=model.described())
        from depth_learning_ros.engine.mono import engine_metadata, mono_facts
        from depth_learning_ros.models.checkpoint import read_info
        info = read_info(self._weights())
        inputs = ('left', 'right') if mono_facts(info) is None else ('left',)
        return EngineInfo(info.name, '', '', 'fp32', '', inputs, metadata=engine_metadata(info))

    def _key(self, name: str) -> dict[str, str]:
        if BACKENDS[name].uses_onnx:
            return {'onnx_sha256': self._exported().sha256}
        return {'weights_sha256': file_sha256(self._weights())}

    def _reference(self) -> Reference:
        if self._source.onnx is not None:
            return self._exported().reference
        from depth_learning_ros.engine.export import reference_of
        return reference_of(self._weights())

    def _weights(self) -> Path:
        if self._source.weights is None:
            raise EngineError(f'PyTorch needs the weights: {self._source.name}.safetensors, which '
                              f'the .onnx file was exported from, is not beside it')
        return self._source.weights

    def _exported(self) -> ModelFile:
        """Read the exported file; one that was never exported is exported into the cache."""
        if self._model is None:
            if self._source.onnx is None:
                from depth_learning_ros.engine.export_cached import export_into_cache
                onnx = export_into_cache(self._weights(), self._cache, self._on_message)
                self._source = replace(self._source, onnx=onnx)
            assert self._source.onnx is not None
            self._model = read_model_file(self._source.onnx)
        return self._model


def automatic() -> tuple[str, ...]:
    """Give the backends that ``auto`` tries here, fastest first."""
    if not why_no_gpu():
        return ON_GPU
    return tuple(name for name in BACKENDS if name not in TENSORRT)


def load_runner(name: str) -> Any:
    """Import a backend's runner.

    Raises:
        EngineError: there is no such backend, or its library is not installed or broken.
    """
    if name not in BACKENDS:
        raise EngineError(f'there is no backend {name!r}: use auto, {", ".join(BACKENDS)}')
    backend = BACKENDS[name]
    try:
        return import_module(f'depth_learning_ros.engine.{backend.runner}')
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] != backend.library:
            raise
        how = backend.install or f"pip install 'depth_learning_ros[{backend.extra}]'"
        raise EngineError(f'{backend.library} is not installed: {how}') from error
    except (ImportError, OSError) as error:
        raise EngineError(f'{backend.library} is installed but does not load: {error}') from error


def _candidates(name: str) -> tuple[str, ...]:
    """Give the precisions worth trying on this machine, fastest first."""
    if name in TENSORRT or (name == 'torch' and not why_no_gpu()):
        return ('fp16', 'fp32')
    if name in ('openvino', 'torch') and processor.bf16_is_fast():
        return ('bf16', 'fp32')
    return ('fp32',)


def _stored_error(found: tuple[dict[str, Any], bytes | None] | None) -> MeasuredError | None:
    try:
        return None if found is None else MeasuredError(**found[0]['error'])
    except (KeyError, TypeError):
        return None
