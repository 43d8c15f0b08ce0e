# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One small error class per layer, so that a caller can tell whose input was wrong.

Every message names the value received and the remedy: the command line prints it as it stands.
"""


class DepthLearningError(Exception):
    """Base of all errors that this package raises on purpose."""


class CalibrationError(DepthLearningError):
    """A camera calibration cannot be used: missing, zero, wrong sign, or wrong unit."""


class MessageError(DepthLearningError):
    """A ROS message cannot be converted: unknown encoding, truncated data, wrong step."""


class BagError(DepthLearningError):
    """A bag cannot be read or written, or does not hold the topics that are needed."""


class DataError(DepthLearningError):
    """An image, a disparity map or a data set folder cannot be read or does not fit."""


class ModelError(DepthLearningError):
    """A network is unknown, or its weights do not fit or are damaged."""


class EngineError(DepthLearningError):
    """A backend is missing, or an engine cannot be built, loaded or trusted."""


class TrainingError(DepthLearningError):
    """Training cannot start, resume or go on."""


class LiveError(DepthLearningError):
    """Live topics cannot be reached, or one of them is not what it must be."""
