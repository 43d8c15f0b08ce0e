# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch itself: the reference that all other backends are measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo, checked_images
from depth_learning_ros.engine.graphs import load_graph
from depth_learning_ros.errors import EngineError

VERSION: str = torch.__version__
PRECISIONS = ('fp32', 'bf16', 'fp16')


def open_torch(weights: Path, info: EngineInfo, precision: str = 'fp32') -> Engine:
    """Load a network on the GPU where PyTorch has one, else on the processor.

    Raises:
        ModelError: the weights are damaged.
        EngineError: fp16 is asked for and there is no GPU, or its memory does not suffice.
    """
    if torch.cuda.is_available():
        from depth_learning_ros.engine.torch_cuda import TorchCudaEngine
        return TorchCudaEngine(weights, info, precision)
    if precision == 'fp16':
        raise EngineError('PyTorch computes in fp16 on a GPU alone, and finds none here: ask for '
                          'bf16 or fp32')
    return TorchEngine(weights, info, precision)


class TorchEngine(Engine):
    """Eager, channels last; the plain thing that everything else is compared with."""

    def __init__(self, weights: Path, info: EngineInfo, precision: str = 'fp32',
                 device: str | None = None) -> None:
        """Load.

        Args:
            weights: a .safetensors file.
            info: what is known about it; backend, version, precision and device are filled in.
            precision: ``fp32``, or ``bf16`` for convolutions and products in bfloat16.
            device: ``cpu``, ``cuda``; None = cuda where it works.

        Raises:
            ModelError: the weights are damaged.
        """
        if device is None:
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        graph, _ = load_graph(weights, info.outputs)
        self._device = torch.device(device)
        self._graph = graph.to(  # type: ignore[call-overload]
            self._device, memory_format=torch.channels_last)
        self._low = precision == 'bf16'
        words = (torch.cuda.get_device_name(self._device) if self._device.type == 'cuda'
                 else f'CPU, {torch.get_num_threads()} threads')
        self.info = replace(info, backend='torch', backend_version=VERSION, precision=precision,
                            device=words)

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self.info)
        try:
            # fp32 means fp32: no TensorFloat-32 behind the user's back
            with (torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False),
                  torch.autocast(self._device.type, torch.bfloat16, enabled=self._low)):
                results = self._graph(*(self._tensor(images[name]) for name in self.info.inputs))
        except RuntimeError as error:
            raise EngineError(f'PyTorch failed on {self.info.model}: {error}') from error
        return {name: (result if name == 'right' else result.float()).contiguous().cpu().numpy()
                for name, result in zip(self.info.outputs, results, strict=True)}

    def close(self) -> None:
        """Free the network."""
        del self._graph

    def _tensor(self, image: np.ndarray) -> Tensor:
        # PyTorch warns about arrays it must not write to; it does not write to this one
        return torch.from_numpy(image if image.flags.writeable else image.copy()).to(self._device)
