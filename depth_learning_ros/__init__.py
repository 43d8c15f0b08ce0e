# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learned depth for robots: stereo and single-view networks from camera bytes to point clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from depth_learning_ros.pipeline import DepthOptions, MonoPipeline, StereoPipeline


def load(model: str | Path = 'crl-small', *, options: DepthOptions | None = None,
         **engine_options: Any) -> StereoPipeline | MonoPipeline:
    """Open a model and return a pipeline: ``result = pipeline(left, right, camera)``.

    A mono model takes one image: ``result = pipeline(image, camera)``.

    Args:
        model: a name that ``depth-learning models`` lists, the path of an exported network
            (.onnx) or of weights (.safetensors), or ``bm``, ``sgbm``, ``sgbm-hh``.
        options: depth range, confidence threshold and the like.
        engine_options: handed to :func:`depth_learning_ros.engine.open_engine`: ``backend``,
            ``precision``, ``cache_dir``, ...

    Raises:
        EngineError: the model is unknown or cannot be opened.
    """
    # imported here, so that `import depth_learning_ros` costs nothing
    from depth_learning_ros.engine import open_engine
    from depth_learning_ros.pipeline import open_pipeline

    engine = open_engine(model, **engine_options)
    try:
        return open_pipeline(engine, options)
    except BaseException:
        engine.close()
        raise
