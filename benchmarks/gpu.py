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
from dataclasses import asdict
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from gpu_results import EAGER, Results, Row, report
from gpu_subjects import Eager, subjects

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

HEIGHT, WIDTH = 375, 1242
PAIRS = 6  # different ones in turn: nothing is timed on numbers it has just seen


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
    everything = [(EAGER, lambda: Eager(weights, device)),
                  *subjects(weights, model, folder, args, size, device)]
    for how, open_subject in everything:
        with may_fail(results, f'{model}, {how}'):
            row = measure(model, how, open_subject, exact, frames, rounds)
            results.rows.append(row)
            print(f'  {how}: {row.network_ms:.3f} ms, {row.mean_px:.2g} px', flush=True)
        if not args.dry_run:
            import torch
            torch.cuda.empty_cache()



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
