# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A workspace with the package in it, and `ros2 launch` of what was built there."""

from __future__ import annotations

from pathlib import Path
import shlex
import shutil
import subprocess

from world import Process

ROOT = Path(__file__).parents[2]
BUILD_S = 300


def build(folder: Path) -> None:
    """Build the package and its messages in a folder by the very command of docs/ros2.md."""
    page = (ROOT / 'docs' / 'ros2.md').read_text()
    command = next(line for line in page.splitlines() if line.startswith('colcon build'))
    (folder / 'src').mkdir()
    shutil.copytree(ROOT, folder / 'src' / 'depth_learning_ros', ignore=shutil.ignore_patterns(
        '.git', '.venv', 'build', 'install', 'log', 'runs', 'demo', '__pycache__', '*.part'))
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True,
                          timeout=BUILD_S)
    assert done.returncode == 0, done.stdout + done.stderr


def launched(workspace: Path, *words: str | Path, **environment: str) -> Process:
    """Start `ros2 launch` in the workspace that was built."""
    line = shlex.join(['ros2', 'launch', 'depth_learning_ros', *map(str, words)])
    return Process('bash', '-c', f'. {workspace}/install/setup.bash && exec {line}',
                   **environment)


def assert_clean_end(process: Process, count: int = 1) -> None:
    """Press Ctrl-C, and see that so many processes end without an error."""
    process.interrupt()
    assert 'Traceback' not in process.output, process.output
    assert process.output.count('process has finished cleanly') == count, process.output
