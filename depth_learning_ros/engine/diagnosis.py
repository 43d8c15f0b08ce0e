# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What this machine offers: found out by running things, not by looking for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata, util
import os
from pathlib import Path
import platform
import shutil
import subprocess
import sys
import time
from typing import Any

from depth_learning_ros.engine import open_engine, processor
from depth_learning_ros.engine.cache import EngineCache
from depth_learning_ros.engine.gpu_diagnosis import (
    describe_driver,
    describe_jetson,
    describe_tensorrt,
)
from depth_learning_ros.engine.reference import fixed_pair
from depth_learning_ros.engine.select import BACKENDS, load_runner
from depth_learning_ros.engine.sources import available_models
from depth_learning_ros.errors import DepthLearningError

# Distribution names; those of ROS 2 itself come with ROS 2.
LIBRARIES = (
    'depth_learning_ros', 'numpy', 'opencv-python-headless', 'opencv-python', 'openvino',
    'onnxruntime', 'onnx', 'torch', 'safetensors', 'rosbags', 'cyclonedds', 'tensorrt',
    'tensorrt-rtx-cu13')
_TIMEOUT_S = 30
_RUNS = 3


def diagnose(cache_dir: Path | None = None,
             on_message: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Collect everything; JSON values only, never raises for what it finds."""
    return {
        'python': platform.python_version(), 'system': platform.platform(),
        'libraries': libraries(), 'processor': describe_processor(),
        'gpu': {**gpus(), 'cuda': describe_driver()}, 'jetson': describe_jetson(),
        'tensorrt': describe_tensorrt(),
        'backends': backends(cache_dir, on_message), 'ros2': ros2(),
        'cache': describe_cache(cache_dir),
        'models': [entry.name for entry in available_models() if entry.available],
    }


def libraries() -> dict[str, str | None]:
    """Give the installed version of each library that matters here, None where it is missing."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def backends(cache_dir: Path | None,
             on_message: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Run a shipped network on the fixed pair with each backend."""
    shipped = [entry.name for entry in available_models()
               if entry.available and not entry.classical]
    rows = []
    for name in BACKENDS:
        try:
            load_runner(name)
            if not shipped:
                raise DepthLearningError('no network ships with this installation: nothing to run')
            rows.append({'name': name, 'works': True,
                         **_try_backend(name, shipped[0], cache_dir, on_message)})
        except (DepthLearningError, ImportError) as error:
            rows.append({'name': name, 'works': False, 'reason': str(error)})
    return rows


def _try_backend(name: str, model: str, cache_dir: Path | None,
                 on_message: Callable[[str], None] | None) -> dict[str, Any]:
    left, right = fixed_pair()
    inputs = {'left': left, 'right': right}
    with open_engine(model, backend=name, cache_dir=cache_dir, on_message=on_message) as engine:
        engine.infer(inputs)
        seconds = []
        for _ in range(_RUNS):
            start = time.perf_counter()
            engine.infer(inputs)
            seconds.append(time.perf_counter() - start)
        info = engine.info
    return {'version': info.backend_version, 'model': model, 'precision': info.precision,
            'device': info.device, 'error_px': info.error_px, 'ms': 1000 * min(seconds),
            'size': [left.shape[2], left.shape[1]]}


def describe_processor() -> dict[str, Any]:
    """Name the processor, what it can do that matters for speed, and the cores we may use."""
    return {'name': processor.model_name(), 'architecture': platform.machine(),
            'cores': len(os.sched_getaffinity(0)), 'features': list(processor.features()),
            'bf16_is_fast': processor.bf16_is_fast()}


def gpus() -> dict[str, Any]:
    """List the NVIDIA GPUs that the driver shows, and why there are none."""
    program = shutil.which('nvidia-smi')
    if program is None:
        return {'nvidia': [], 'reason': 'there is no nvidia-smi: no NVIDIA driver is installed'}
    query = [program, '--query-gpu=name,compute_cap,driver_version,memory.total',
             '--format=csv,noheader']
    code, output = _run(query)
    if code != 0:
        return {'nvidia': [], 'reason': f'nvidia-smi failed: {output}'}
    names = ('name', 'compute_capability', 'driver', 'memory')
    rows = [dict(zip(names, (cell.strip() for cell in line.split(',')), strict=False))
            for line in output.splitlines() if line.strip()]
    return {'nvidia': rows, 'reason': '' if rows else 'nvidia-smi lists no GPU'}


def ros2() -> dict[str, Any]:
    """Tell whether ROS 2 is sourced and whether its Python library loads in this Python."""
    prefixes = [path for path in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if path]
    found = {'distribution': os.environ.get('ROS_DISTRO'), 'prefixes': prefixes, 'rclpy': False,
             'reason': ''}
    if not prefixes:
        found['reason'] = ('AMENT_PREFIX_PATH is not set: ROS 2 is not installed, or its '
                           'setup.bash was not sourced; bags work without it')
    elif util.find_spec('rclpy') is None:
        found['reason'] = ('this Python does not find rclpy: it belongs to another Python, or the '
                           'virtual environment was made without --system-site-packages')
    else:
        code, output = _run([sys.executable, '-c', 'import rclpy'])
        found['rclpy'] = code == 0
        found['reason'] = '' if code == 0 else f'rclpy does not load: {output.splitlines()[-1:]}'
    return found


def describe_cache(cache_dir: Path | None) -> dict[str, Any]:
    """Tell where built engines are kept, whether they can be, and how large they are."""
    cache = EngineCache(cache_dir)
    files = list(cache.folder.glob('*')) if cache.folder.is_dir() else []
    return {'folder': str(cache.folder), 'writable': cache.writable,
            'engines': sum(file.suffix == '.json' for file in files),
            'bytes': sum(file.stat().st_size for file in files if file.is_file())}


def _run(command: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S,
                              check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()
