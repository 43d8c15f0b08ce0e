# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an engine is: uint8 images in, disparity and confidence out, one contract for all backends.

Pre- and post-processing live inside the exported graph, so no backend and no node repeats them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from types import TracebackType
from typing import Any

import numpy as np

from depth_learning_ros.errors import EngineError

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class EngineInfo:
    """Who computes, and what it states about itself.

    Attributes:
        model: name of the network or matcher, such as ``crl-small`` or ``sgbm``.
        backend: ``openvino``, ``onnxruntime``, ``torch``, ``opencv``, ...
        backend_version: version of that library.
        precision: the precision that really runs: ``fp32``, ``bf16``, ``fp16``, ``int8``.
        device: the processor in words.
        inputs: names of the images it takes: ``('left', 'right')``, or ``('left',)`` for mono.
        outputs: names of what it gives: ``disparity`` and, where it has one, ``confidence``.
        error_px: mean absolute difference to fp32 PyTorch on the fixed pair, measured at build
            time; None for classical matchers.
        metadata: what was written into the exported file (training data, licence, weights hash).
    """

    model: str
    backend: str
    backend_version: str
    precision: str
    device: str
    inputs: tuple[str, ...] = ('left', 'right')
    outputs: tuple[str, ...] = ('disparity', 'confidence')
    max_disparity: float | None = None
    subpixel_step: float = 0.0
    error_px: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Engine(ABC):
    """A loaded engine: a context manager with ``infer(dict) -> dict``."""

    info: EngineInfo

    @abstractmethod
    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Run once.

        Args:
            inputs: ``left`` and ``right``: uint8 [N, H, W, 3], RGB, any H and W.

        Returns:
            ``disparity``: float32 [N, H, W], pixels at that size, left view, >= 0 (NaN in the gaps
            of classical matchers), and, where ``info.outputs`` says so, ``confidence``: float32
            [N, H, W] in 0..1. The arrays belong to the caller.

        Raises:
            EngineError: an input is missing or not uint8 [N, H, W, 3].
        """

    def prepare(self, height: int, width: int) -> None:  # noqa: B027 - optional
        """Do now what the first ``infer`` of this size would otherwise do (compile, allocate)."""

    def close(self) -> None:  # noqa: B027 - optional: most backends free by reference count
        """Free what the engine holds; ``infer`` must not be called afterwards."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def checked_images(inputs: Mapping[str, np.ndarray], info: EngineInfo) -> Arrays:
    """Give the images an engine takes, contiguous, or say what is wrong with them.

    Raises:
        EngineError: an input is missing, empty, not uint8 [N, H, W, 3], of another size than the
            others, or than the only one that the model was exported for.
    """
    images: Arrays = {}
    for name in info.inputs:
        image = inputs.get(name)
        if image is None:
            raise EngineError(f'the image {name!r} is missing: {info.model} takes '
                              f'{", ".join(info.inputs)}')
        if image.dtype != np.uint8 or image.ndim != 4 or image.shape[3] != 3 or not image.size:
            raise EngineError(f'the image {name!r} is {image.dtype} {list(image.shape)}: expected '
                              f'uint8 [N, H, W, 3], RGB')
        images[name] = np.ascontiguousarray(image)
    sizes = {name: image.shape for name, image in images.items()}
    if len(set(sizes.values())) > 1:
        raise EngineError('the images differ in size: ' + ', '.join(
            f'{name} is {list(size)}' for name, size in sizes.items()))
    _check_exported_size(next(iter(images.values())), info)
    return images


def _check_exported_size(image: np.ndarray, info: EngineInfo) -> None:
    """Compare with the size in the metadata: [height, width], null where it is free."""
    only = json.loads(info.metadata.get('size', '[null, null]'))
    for what, wanted, received in zip(('height', 'width'), only, image.shape[1:3], strict=True):
        if wanted not in (None, received):
            raise EngineError(
                f'the images are {image.shape[2]}x{image.shape[1]}, but {info.model} was exported '
                f'for the {what} {wanted} alone: resize them, or export it again without --{what}')
