# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images become disparity, depth, points and confidence: where it all meets.

A stereo engine takes a pair (`StereoPipeline`), a mono engine a single image (`MonoPipeline`);
both give a `StereoResult`. `open_pipeline` picks the one that an engine needs.
"""

from depth_learning_ros.pipeline.base import Pipeline, ResultSink, StereoResult
from depth_learning_ros.pipeline.mono import FITS, MonoPipeline, check_kind, open_pipeline
from depth_learning_ros.pipeline.options import ALL_OUTPUTS, OUTPUTS, DepthOptions
from depth_learning_ros.pipeline.stereo import StereoPipeline
from depth_learning_ros.pipeline.swapped import looks_swapped

__all__ = [
    'ALL_OUTPUTS', 'FITS', 'OUTPUTS', 'DepthOptions', 'MonoPipeline', 'Pipeline',
    'ResultSink', 'StereoPipeline', 'StereoResult', 'check_kind', 'looks_swapped',
    'open_pipeline',
]
