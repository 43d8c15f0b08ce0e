# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What this machine offers TensorRT: libraries, driver, Jetson; JSON values only."""

from __future__ import annotations

from pathlib import Path
import re
from typing import Any

from depth_learning_ros.engine.cuda_driver import find_gpu, why_no_gpu
from depth_learning_ros.engine.select import TENSORRT, load_runner
from depth_learning_ros.errors import EngineError

TEGRA_RELEASE = Path('/etc/nv_tegra_release')
BOARD = Path('/proc/device-tree/model')
_RELEASE = re.compile(r'R(\d+) \(release\), REVISION: ([\d.]+)')
# Jetson Linux, as the file above names it, and the JetPack that it belongs to.
_JETPACKS = {'35': '5', '36': '6', '38': '7', '39': '7'}


def describe_tensorrt() -> list[dict[str, Any]]:
    """Tell of each TensorRT what it builds for, and what stands against using it here."""
    return [_describe(name) for name in TENSORRT]


def _describe(name: str) -> dict[str, Any]:
    row: dict[str, Any] = {'name': name, 'version': None, 'builds_for': [], 'problems': [],
                           'reason': ''}
    try:
        library = load_runner(name).LIBRARY
        row |= {'version': library.version, 'builds_for': library.capabilities(),
                'problems': [f'{problem.problem} ({problem.source})'
                             for problem in library.problems()]}
        library.check_version()
    except (EngineError, ImportError) as error:
        row['reason'] = str(error)
        return row
    gpu = find_gpu()
    if gpu is None:
        row['reason'] = f'builds only: {why_no_gpu()}' if library.portable else why_no_gpu()
    elif row['builds_for'] and gpu.compute_capability not in row['builds_for']:
        row['reason'] = (f'the {gpu.name} has compute capability {gpu.compute_capability}, which '
                         f'it does not list')
    return row


def describe_driver() -> dict[str, Any] | None:
    """Describe GPU and driver as CUDA sees them; None without any."""
    gpu = find_gpu()
    if gpu is None:
        return None
    return {'name': gpu.name, 'compute_capability': gpu.compute_capability,
            'cuda': gpu.driver, 'memory_gb': round(gpu.memory_bytes / 1e9, 1),
            'integrated': gpu.integrated}


def describe_jetson() -> dict[str, str] | None:
    """Tell which Jetson this is and what runs on it; None elsewhere."""
    try:
        text = TEGRA_RELEASE.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return None
    found = _RELEASE.search(text)
    release = f'{found[1]}.{found[2]}' if found else 'unknown'
    try:
        board = BOARD.read_text(encoding='utf-8', errors='replace').strip('\0\n ')
    except OSError:
        board = 'Jetson'
    return {'board': board, 'linux_for_tegra': release,
            'jetpack': _JETPACKS.get(found[1], 'unknown') if found else 'unknown'}
