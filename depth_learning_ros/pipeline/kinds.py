# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tell stereo engines from mono engines, and say what to do with the wrong one."""

from __future__ import annotations

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.errors import EngineError


def check_kind(info: EngineInfo, *, mono: bool) -> None:
    """Refuse a stereo engine where a mono engine is needed, and the other way round.

    Raises:
        EngineError: it is of the other kind; names the remedy.
    """
    if info.inputs == ('left',) and not mono:
        raise EngineError(
            f'{info.model} is a mono model: it takes one image and no pair. Use --mono (in Python '
            f'MonoPipeline or open_pipeline), or a stereo model such as crl-small')
    if info.inputs == ('left', 'right') and mono:
        raise EngineError(
            f'{info.model} is a stereo model: it needs left and right, and a single camera gives '
            f'one image. Give both images without --mono, or take a mono model such as svs-small')
    if info.inputs not in (('left',), ('left', 'right')):
        raise EngineError(f'the engine {info.model} takes {", ".join(info.inputs)}: expected '
                          f'left, right (stereo) or left (mono)')
