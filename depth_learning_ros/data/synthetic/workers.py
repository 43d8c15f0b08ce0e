# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Render a folder of scenes with several processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
import multiprocessing
from pathlib import Path

import torch

from depth_learning_ros.data.synthetic.generator import SCENES_PER_BANK, SceneGenerator
from depth_learning_ros.data.synthetic.pool import check_stamp, missing, render_to_pool


def fill(folder: Path, generator: SceneGenerator, numbers: range,
         workers: int = 0) -> Iterator[int]:
    """Render those scenes that the folder lacks, yielding how many are there, now and then.

    Args:
        folder: of the scenes.
        generator: of them.
        numbers: of the scenes wanted.
        workers: processes; 0 = this one alone.

    Raises:
        DataError: as `render_to_pool`.
    """
    check_stamp(folder, generator.stamp(), numbers)
    todo = missing(folder, numbers)
    done = len(numbers) - len(todo)
    yield done
    if not workers:
        for number in todo:
            list(render_to_pool(folder, generator, range(number, number + 1)))
            done += 1
            yield done
        return
    # scenes of a block share their textures, which cost more than a scene
    blocks: dict[int, list[int]] = {}
    for number in todo:
        blocks.setdefault(number // SCENES_PER_BANK, []).append(number)
    # a fork would inherit the threads of whatever ran before
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(min(workers, max(1, len(blocks))), context,
                             initializer=torch.set_num_threads, initargs=(1,)) as pool:
        jobs = [pool.submit(_render, folder, generator, block) for block in blocks.values()]
        try:
            for job in as_completed(jobs):
                done += job.result()
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


def _render(folder: Path, generator: SceneGenerator, numbers: list[int]) -> int:
    for number in numbers:
        list(render_to_pool(folder, generator, range(number, number + 1)))
    return len(numbers)
