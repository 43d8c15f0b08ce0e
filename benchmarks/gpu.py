#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Everything about GPUs in one call: build, check against float32 PyTorch, time, compare to goals.

    python benchmarks/gpu.py                 # on any machine with an NVIDIA GPU and PyTorch
    python benchmarks/gpu.py --wheels DIR    # first installs DIR/*.whl into a folder of its own
    python benchmarks/gpu.py --dry-run       # without a GPU: the same steps, tiny

Nothing has to be installed: the package is taken from the folder above, and where no package index
can be reached, wheels (of tensorrt-rtx-cu13-bindings and -libs, say) may lie in ``wheels/`` beside
this script. What is missing is said and skipped. ``network`` is the network alone, started over
and over; ``end to end`` is uint8 images in host memory to float32 disparity in host memory;
``ahead`` is the same with two frames in flight. Medians; results also as JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

HEIGHT, WIDTH = 375, 1242
PAIRS = 6  # different ones in turn: nothing is timed on numbers it has just seen
GOALS = (
    ('crl at 1242x375 below 5 ms', lambda r: r.best('crl', 'network_ms') < 5),
    ('crl at least 6x PyTorch eager fp32',
     lambda r: r.eager('crl') / r.best('crl', 'network_ms') >= 6),
    ('crl at 40 % of the floor', lambda r: r.floor['crl'] / r.best('crl', 'network_ms') >= 0.4),
    ('crl-small below 1 ms', lambda r: r.best('crl-small', 'network_ms') < 1),
    ('end to end within 1 ms of the network', lambda r: r.overhead('crl') < 1),
)


@dataclass
class Row:
    """What was measured of one way to run a network."""

    model: str
    how: str
    network_ms: float
    end_to_end_ms: float
    ahead_ms: float
    mean_px: float
    p99_px: float
    ready_s: float


class Results:
    """Rows, the floor of each network, and what was skipped."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.floor: dict[str, float] = {}
        self.skipped: list[str] = []
        self.machine: dict[str, Any] = {}

    def best(self, model: str, what: str) -> float:
        return min(getattr(row, what) for row in self.rows
                   if row.model == model and row.mean_px <= 0.1)

    def eager(self, model: str) -> float:
        return next(row.network_ms for row in self.rows
                    if row.model == model and row.how == 'PyTorch eager fp32')

    def overhead(self, model: str) -> float:
        row = min((row for row in self.rows if row.model == model and row.mean_px <= 0.1),
                  key=lambda row: row.network_ms)
        return row.end_to_end_ms - row.network_ms


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', default='crl-small,crl')
    parser.add_argument('--wheels', type=Path, default=HERE / 'wheels')
    parser.add_argument('--rounds', type=int, default=60)
    parser.add_argument('--compile', action='store_true', help='torch.compile as well: minutes')
    parser.add_argument('--json', type=Path, default=Path(os.environ.get('OUT', '.'), 'gpu.json'))
    parser.add_argument('--dry-run', action='store_true')
    return parser.parse_args()


def install(wheels: Path) -> None:
    """Unpack wheels into a folder of this run, without any index."""
    files = sorted(wheels.glob('*.whl')) if wheels.is_dir() else []
    if not files:
        return
    folder = tempfile.mkdtemp(prefix='gpu-wheels-')
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps',
                    '--no-compile', '--target', folder, *map(str, files)], check=True)
    sys.path.insert(1, folder)
    print(f'installed {", ".join(file.name for file in files)}')


def random_weights(name: str, folder: Path) -> Path:
    """Give weights of a network that does not ship, with disparities of a size as real ones."""
    import torch

    from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
    from depth_learning_ros.models.registry import build_network
    torch.manual_seed(0)
    network = build_network(name)
    with torch.no_grad():
        for part, parameter in network.named_parameters():
            if 'predict' in part and part.endswith('weight'):
                parameter.mul_(8)  # new prediction layers are nearly silent
        network.stage1.decoder.predict0.bias.fill_(-40.0)
    path = folder / f'{name}.safetensors'
    save_checkpoint(path, network, CheckpointInfo(name, network.config, 'none: random weights'))
    return path


def pairs(height: int, width: int) -> list[dict[str, Any]]:
    """Give different pairs with texture at all scales."""
    import numpy as np

    from depth_learning_ros.engine.reference import fixed_pair
    left, right = fixed_pair(height, width)
    random = np.random.default_rng()  # fresh ones in every run
    made = []
    for _ in range(PAIRS):
        shift, gain = int(random.integers(0, width)), float(random.uniform(0.7, 1.0))
        made.append({name: np.ascontiguousarray((np.roll(image, shift, 2) * gain).astype(np.uint8))
                     for name, image in (('left', left), ('right', right))})
    return made


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


def measure(model: str, how: str, open_subject: Callable[[], Any], exact: list[Any],
            frames: list[dict[str, Any]], rounds: int) -> Row:
    """Open, check on every pair, and time."""
    import numpy as np
    start = time.perf_counter()
    subject = open_subject()
    try:
        subject.infer(frames[0])
        ready_s = time.perf_counter() - start
        errors = np.concatenate([
            np.abs(subject.infer(frame)['disparity'] - truth).ravel()
            for frame, truth in zip(frames, exact, strict=True)])
        subject.network_ms(3)
        network = statistics.median(subject.network_ms(5) for _ in range(max(3, rounds // 5)))
        seconds = []
        for number in range(rounds):
            start = time.perf_counter()
            subject.infer(frames[number % len(frames)])
            seconds.append(time.perf_counter() - start)
        ahead = float('nan')
        if hasattr(subject, 'infer_ahead'):
            many = [frames[number % len(frames)] for number in range(rounds)]
            start = time.perf_counter()
            for _ in subject.infer_ahead(many):
                pass
            ahead = 1000 * (time.perf_counter() - start) / rounds
        return Row(model, how, network, 1000 * statistics.median(seconds), ahead,
                   float(errors.mean()), float(np.percentile(errors, 99)), ready_s)
    finally:
        subject.close()


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


def ceilings(results: Results, dry: bool) -> Any:
    """Measure what the GPU can do at most."""
    import torch

    from depth_learning_ros.models.layer_costs import Gpu
    device, size, count = ('cpu', 256, 2) if dry else ('cuda', 8192, 10)
    a, b = (torch.randn(size, size, device=device).to(torch.bfloat16 if dry else torch.float16)
            for _ in range(2))
    source = torch.randint(0, 9, (size * size * (1 if dry else 16),), dtype=torch.int32,
                           device=device)
    target = torch.empty_like(source)

    def seconds(function: Callable[[], object]) -> float:
        times = []
        for number in range(count + 3):
            if not dry:
                torch.cuda.synchronize()
            start = time.perf_counter()
            function()
            if not dry:
                torch.cuda.synchronize()
            if number >= 3:
                times.append(time.perf_counter() - start)
        return statistics.median(times)
    flops = 2 * size ** 3 / seconds(lambda: torch.mm(a, b))
    moved = 2 * source.numel() * 4 / seconds(lambda: target.copy_(source))
    name = 'processor' if dry else torch.cuda.get_device_name()
    results.machine |= {'name': name, 'flops': flops, 'bytes_per_s': moved,
                        'torch': torch.__version__}
    if not dry:
        from depth_learning_ros.engine.cuda_driver import CudaDriver
        results.machine |= asdict(CudaDriver().gpu())
    print(f'{name}: {flops / 1e12:.1f} TFLOP/s in a {size} matrix product, '
          f'{moved / 1e12:.2f} TB/s copying')
    return Gpu(name, flops, moved, 'measured now')


@contextmanager
def may_fail(results: Results, what: str) -> Iterator[None]:
    """Say what does not work here, and go on."""
    try:
        yield
    except Exception as error:  # whatever one library throws, the others are still measured
        first = str(error).splitlines()[0] if str(error) else repr(error)
        results.skipped.append(f'{what}: {first[:300]}')
        print(f'  skipped {results.skipped[-1]}', flush=True)


def run_model(model: str, gpu: Any, folder: Path, args: argparse.Namespace,
              results: Results) -> None:
    from depth_learning_ros.engine.sources import find_source
    from depth_learning_ros.models.checkpoint import WEIGHTS_FOLDER, read_info
    from depth_learning_ros.models.layer_costs import floor_seconds, layer_costs
    size = (64, 128) if args.dry_run else (HEIGHT, WIDTH)
    device = 'cpu' if args.dry_run else 'cuda'
    shipped = WEIGHTS_FOLDER / f'{model}.safetensors'
    weights = find_source(model).weights if shipped.is_file() else random_weights(model, folder)
    results.floor[model] = 1000 * floor_seconds(
        layer_costs(read_info(weights).config, *size), gpu)
    print(f'\n{model} at {size[1]}x{size[0]}: floor {results.floor[model]:.2f} ms', flush=True)
    frames = pairs(*size)
    reference = Eager(weights, device)
    exact = [reference.infer(frame)['disparity'] for frame in frames]
    print(f'  disparities {min(x.min() for x in exact):.0f} to {max(x.max() for x in exact):.0f} '
          f'px')
    reference.close()
    rounds = 3 if args.dry_run else args.rounds
    everything = [('PyTorch eager fp32', lambda: Eager(weights, device)),
                  *subjects(weights, model, folder, args, size, device)]
    for how, open_subject in everything:
        with may_fail(results, f'{model}, {how}'):
            row = measure(model, how, open_subject, exact, frames, rounds)
            results.rows.append(row)
            print(f'  {how}: {row.network_ms:.3f} ms, {row.mean_px:.2g} px', flush=True)
        if not args.dry_run:
            import torch
            torch.cuda.empty_cache()


def report(results: Results, args: argparse.Namespace) -> None:
    print(f'\n{"":12s}{"":26s}{"network":>9s}{"of floor":>9s}{"x eager":>8s}{"end to end":>11s}'
          f'{"ahead":>8s}{"mean px":>9s}{"p99 px":>8s}{"ready s":>8s}')
    for row in results.rows:
        print(f'{row.model:12s}{row.how:26s}{row.network_ms:9.3f}'
              f'{results.floor[row.model] / row.network_ms:9.1%}'
              f'{results.eager(row.model) / row.network_ms:8.1f}{row.end_to_end_ms:11.3f}'
              f'{row.ahead_ms:8.3f}{row.mean_px:9.4f}{row.p99_px:8.3f}{row.ready_s:8.1f}')
    for text in results.skipped:
        print(f'skipped {text}')
    if args.dry_run:
        print('dry run on the processor: none of these figures says anything about a GPU')
    else:
        for text, holds in GOALS:
            try:
                print(f'{"reached" if holds(results) else "MISSED":8s}{text}')
            except (ValueError, StopIteration, KeyError):
                print(f'{"-":8s}{text}: not measured')
    with args.json.open('w') as file:
        json.dump({'dry_run': args.dry_run, 'machine': results.machine,
                   'floor_ms': results.floor, 'rows': [asdict(row) for row in results.rows],
                   'skipped': results.skipped}, file, indent=1)


def main() -> int:
    args = arguments()
    install(args.wheels)
    try:
        import torch
    except ModuleNotFoundError:
        print('this needs PyTorch', file=sys.stderr)
        return 1
    if not args.dry_run and not torch.cuda.is_available():
        print('PyTorch finds no GPU here; --dry-run goes through the steps without one',
              file=sys.stderr)
        return 1
    results = Results()
    gpu = ceilings(results, args.dry_run)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['DEPTH_LEARNING_CACHE'] = folder
        for model in args.models.split(','):
            run_model(model, gpu, Path(folder), args, results)
    report(results, args)
    return 0 if results.rows else 1


if __name__ == '__main__':
    sys.exit(main())
