# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ways to run a network that benchmarks/gpu.py compares: PyTorch as it is, and our engines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
import time
from typing import Any


class Eager:
    """PyTorch as one would write it first."""

    def __init__(self, weights: Path, device: str, autocast: bool = False) -> None:
        import torch

        from depth_learning_ros.engine.graphs import load_graph
        self._torch, self._device, self._autocast = torch, device, autocast
        self._graph = load_graph(weights)[0].to(device)
        self._inputs: tuple[Any, ...] = ()

    def infer(self, pair: dict[str, Any]) -> dict[str, Any]:
        self._inputs = tuple(self._torch.from_numpy(pair[name]).to(self._device)
                             for name in ('left', 'right'))
        disparity, confidence = self._run()
        return {'disparity': disparity.float().cpu().numpy(),
                'confidence': confidence.float().cpu().numpy()}

    def _run(self) -> Any:
        torch = self._torch
        with torch.inference_mode(), torch.backends.cudnn.flags(
                enabled=True, benchmark=True, deterministic=False, allow_tf32=False), \
                torch.autocast(self._device, torch.float16, enabled=self._autocast):
            return self._graph(*self._inputs)

    def network_ms(self, count: int) -> float:
        """Time so many runs, mean."""
        torch = self._torch
        if self._device == 'cpu':
            start = time.perf_counter()
            for _ in range(count):
                self._run()
            return 1000 * (time.perf_counter() - start) / count
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(count):
            self._run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / count

    def close(self) -> None:
        del self._graph



class OnGpu:
    """An engine of the package."""

    def __init__(self, engine: Any, height: int, width: int) -> None:
        self._engine = getattr(engine, 'built', engine)
        self._session = self._engine.session(height, width)
        self._driver = self._engine._driver
        self.infer = self._engine.infer
        self.infer_ahead = self._engine.infer_ahead

    def network_ms(self, count: int) -> float:
        driver, stream = self._driver, self._session.stream
        begin, end = driver.event(), driver.event()
        driver.record(begin, stream)
        for _ in range(count):
            self._session.launch_only()
        driver.record(end, stream)
        driver.wait_here(end)
        elapsed = driver.elapsed_ms(begin, end) / count
        driver.destroy_event(begin)
        driver.destroy_event(end)
        return elapsed

    def close(self) -> None:
        self._engine.close()



def subjects(weights: Path, model: str, folder: Path, args: argparse.Namespace,
             size: tuple[int, int], device: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Give every way to run a network on this machine."""
    if device == 'cpu':  # builds for real, and is skipped when it comes to running
        yield 'tensorrt-rtx fp16 static', lambda: OnGpu(
            built(weights, folder, 'tensorrt-rtx', 'fp16', 'static', size), *size)
        return
    from depth_learning_ros.engine.base import EngineInfo
    from depth_learning_ros.engine.torch_cuda import TorchCudaEngine
    info = EngineInfo(model, '', '', '', '')
    yield 'PyTorch autocast fp16', lambda: Eager(weights, device, autocast=True)
    for precision in ('fp16', 'fp32'):
        yield f'torch {precision} graph', lambda precision=precision: OnGpu(
            TorchCudaEngine(weights, info, precision), *size)
    if args.compile:
        yield 'torch fp16 compile graph', lambda: OnGpu(
            TorchCudaEngine(weights, info, 'fp16', compile_graph=True), *size)
    for backend in ('tensorrt', 'tensorrt-rtx'):
        for precision in ('fp16', 'fp32'):
            for shapes in ('static', 'range'):
                yield f'{backend} {precision} {shapes}', (
                    lambda backend=backend, precision=precision, shapes=shapes: OnGpu(
                        built(weights, folder, backend, precision, shapes, size), *size))



def built(weights: Path, folder: Path, backend: str, precision: str, shapes: str,
          size: tuple[int, int]) -> Any:
    """Build an engine as 'depth-learning build' does, save it, and open the file."""
    from depth_learning_ros.engine import open_engine
    from depth_learning_ros.engine.build import BuildRequest, build_engine
    from depth_learning_ros.engine.cache import EngineCache
    from depth_learning_ros.engine.engine_file import Shapes
    from depth_learning_ros.engine.export_cached import export_into_cache
    from depth_learning_ros.engine.growing_engine import FIRST_SHAPES
    from depth_learning_ros.engine.model_file import read_model_file
    from depth_learning_ros.engine.select import load_runner
    from depth_learning_ros.engine.tensorrt_build import BuildOptions
    library = load_runner(backend).LIBRARY
    model = read_model_file(export_into_cache(weights, EngineCache(folder), print))
    wanted = Shapes(*[(1, *size)] * 3) if shapes == 'static' else FIRST_SHAPES
    path = folder / f'{weights.stem}-{backend}-{precision}-{shapes}.engine'
    file = build_engine(library, model, BuildRequest(precision, BuildOptions(wanted)), print,
                        weights=weights)
    file.save(path, force=True)
    print(f'  {path.name}: {len(file.plan) / 1e6:.1f} MB, {file.record.build_seconds:.1f} s, '
          f'{file.record.measured}')
    return open_engine(path, cache_dir=folder)
