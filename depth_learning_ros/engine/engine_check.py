# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a built engine by the answer that travels in its sidecar."""

from __future__ import annotations

import numpy as np

from depth_learning_ros.engine.base import Engine
from depth_learning_ros.engine.engine_file import EngineFile, EngineIdentity
from depth_learning_ros.engine.reference import MeasuredError, Reference, compare, fixed_pair
from depth_learning_ros.engine.tensorrt_library import Library


def measure_file(engine: Engine, file: EngineFile) -> MeasuredError:
    """Run an engine on the fixed pair of the size that its sidecar holds the answer for."""
    reference = file.record.expected()
    count = file.identity.shapes.smallest[0]
    result = engine.infer(fixed_images(engine.info.inputs, reference, count))
    return compare(result['disparity'][0], result['confidence'][0], reference)


def wrong_engine(library: Library, identity: EngineIdentity, error: MeasuredError) -> str:
    """Say that an engine is wrong, and what is known of its library."""
    known = ''.join(f'; known of this version: {problem.problem} ({problem.source})'
                    for problem in library.problems())
    return (f'the engine in {identity.precision} is wrong on the fixed pair: {error} away from '
            f'PyTorch{known}')


def fixed_images(names: tuple[str, ...], reference: Reference,
                 count: int) -> dict[str, np.ndarray]:
    """Give the images of the fixed pair by name, at the reference's size, ``count`` times."""
    pair = dict(zip(('left', 'right'), fixed_pair(*reference.disparity.shape), strict=True))
    return {name: np.repeat(pair[name], count, axis=0) for name in names}
