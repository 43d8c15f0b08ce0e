# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights files: a network's values together with all that is needed to rebuild and judge it.

``read_info`` works without PyTorch; only building the network needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.tensorfile import read_metadata, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import nn

FORMAT_VERSION = 1
WEIGHTS_FOLDER = Path(__file__).parent.parent / 'weights'
_LISTED = 4  # layers named in an error message
_FLOAT16_MAX = 65504.0


@dataclass(frozen=True)
class CheckpointInfo:
    """What a weights file says about itself.

    Attributes:
        name: what users call the network.
        config: rebuilds it.
        training_data: in words, with the sets and the order they were used in.
        steps: training steps, 0 where unknown.
        commit: of the code that trained it.
        licence: of the weights.
        mean_left, mean_right: what is subtracted from 0..1 images, in the network's channel order
            (see models.normalize).
        tool_versions: name -> version of what wrote the file; empty = filled in when saved.
        notes: anything else, such as validation figures.
    """

    name: str
    config: NetworkConfig
    training_data: str = 'none: random weights'
    steps: int = 0
    commit: str = ''
    licence: str = 'Apache-2.0'
    mean_left: tuple[float, float, float] = (0.5, 0.5, 0.5)
    mean_right: tuple[float, float, float] = (0.5, 0.5, 0.5)
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_metadata(self) -> dict[str, str]:
        """Flatten to the strings that safetensors metadata holds."""
        return {
            'format_version': str(FORMAT_VERSION), 'name': self.name,
            'config': json.dumps(self.config.to_dict(), sort_keys=True),
            'training_data': self.training_data, 'steps': str(self.steps),
            'commit': self.commit, 'licence': self.licence,
            'mean_left': json.dumps(self.mean_left), 'mean_right': json.dumps(self.mean_right),
            'tool_versions': json.dumps(dict(self.tool_versions), sort_keys=True),
            'notes': json.dumps(dict(self.notes), sort_keys=True),
        }

    @classmethod
    def from_metadata(cls, values: Mapping[str, str], source: Path | str) -> CheckpointInfo:
        """Undo ``to_metadata``.

        Raises:
            ModelError: the file was not written by this package, or by a newer version of it.
        """
        version = values.get('format_version')
        if version is None:
            raise ModelError(f'{source} does not say which network it belongs to: expected a '
                             f'weights file of depth_learning_ros (import-weights reads others)')
        if version != str(FORMAT_VERSION):
            raise ModelError(f'{source} has format version {version}, this program reads '
                             f'{FORMAT_VERSION}: upgrade depth_learning_ros')
        try:
            return cls(
                name=values['name'], config=NetworkConfig.from_dict(json.loads(values['config'])),
                training_data=values['training_data'], steps=int(values['steps']),
                commit=values['commit'], licence=values['licence'],
                mean_left=_triple(values['mean_left']), mean_right=_triple(values['mean_right']),
                tool_versions=json.loads(values['tool_versions']),
                notes=json.loads(values['notes']))
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f'the metadata of {source} is incomplete or damaged ({error}): get '
                             f'the file again') from error


def read_info(path: Path | str) -> CheckpointInfo:
    """Read what a weights file says about itself; needs no PyTorch and reads no values.

    Raises:
        ModelError: the file is missing, damaged or not ours.
    """
    return CheckpointInfo.from_metadata(read_metadata(path), path)


def save_checkpoint(path: Path | str, network: nn.Module, info: CheckpointInfo, *,
                    half: bool = False, force: bool = False) -> None:
    """Write a network's weights atomically.

    Args:
        path: ends in ``.safetensors``.
        network: a network whose layers ``info.config`` describes.
        info: what the file will say about itself.
        half: store as float16, half the size (values keep 11 bits; a disparity moves by less than
            0.01 px); networks always compute from what is loaded as float32.
        force: replace an existing file.

    Raises:
        ModelError: a weight is not finite, or too large for float16.
        DataError: the file exists and not ``force``, or cannot be written.
    """
    import torch
    if not info.tool_versions:
        info = replace(info, tool_versions={'torch': torch.__version__})
    tensors = {}
    for name, tensor in network.state_dict().items():
        array = tensor.detach().cpu().numpy()
        if np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float32)
            largest = float(np.abs(array).max(initial=0.0))
            if not np.isfinite(largest) or (half and largest > _FLOAT16_MAX):
                raise ModelError(f'layer {name} holds a weight of {largest:g}: the training '
                                 f'diverged, nothing was written')
            array = array.astype(np.float16) if half else array
        tensors[name] = array
    write_tensors(path, tensors, info.to_metadata(), force=force)


def load_checkpoint(path: Path | str) -> tuple[nn.Module, CheckpointInfo]:
    """Rebuild a network, float32, in evaluation mode.

    Args:
        path: a weights file, or the name of a network whose weights ship.

    Raises:
        ModelError: missing, damaged, or its layers are not those of its configuration.
    """
    from depth_learning_ros.models.registry import build_network
    file = find_weights(path)
    info = read_info(file)
    network = build_network(info.config)
    load_weights(network, read_tensors(file), file)
    return network.eval(), info


def load_network(path: Path | str) -> nn.Module:
    """Give the network of ``load_checkpoint`` alone."""
    return load_checkpoint(path)[0]


def load_weights(network: nn.Module, tensors: Mapping[str, np.ndarray],
                 source: Path | str) -> None:
    """Copy weights into a network, every layer exactly once.

    Raises:
        ModelError: a layer is missing, unknown or of another shape; names them.
    """
    import torch
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    complaints = [_layers('misses the layers', [n for n in expected if n not in tensors]),
                  _layers('has unknown layers', [n for n in tensors if n not in expected]),
                  _layers('has layers of another shape', [
                      f'{n} {list(tensors[n].shape)} instead of {list(shape)}'
                      for n, shape in expected.items()
                      if n in tensors and tensors[n].shape != shape])]
    if any(complaints):
        raise ModelError(f'the weights in {source} do not fit the network: the file '
                         f'{"; it ".join(c for c in complaints if c)}')
    network.load_state_dict({name: torch.from_numpy(np.array(value))
                             for name, value in tensors.items()})


def find_weights(path_or_name: Path | str) -> Path:
    """Give the weights file of a path or of a shipped name.

    Raises:
        ModelError: there is none; shipped names near to it are suggested.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    if path.suffix == '.safetensors' or len(path.parts) > 1:
        raise ModelError(f'there is no weights file {path}')
    shipped = WEIGHTS_FOLDER / f'{path_or_name}.safetensors'
    if shipped.is_file():
        return shipped
    names = sorted(file.stem for file in WEIGHTS_FOLDER.glob('*.safetensors'))
    near = difflib.get_close_matches(str(path_or_name), names, 1)
    hint = f': did you mean {near[0]!r}?' if near else '.'
    raise ModelError(f'no weights ship under the name {str(path_or_name)!r}{hint} '
                     f'Shipped: {", ".join(names) or "none"}')


def _layers(complaint: str, names: list[str]) -> str:
    more = f' and {len(names) - _LISTED} more' if len(names) > _LISTED else ''
    return f'{complaint} {", ".join(names[:_LISTED])}{more}' if names else ''


def _triple(text: str) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in json.loads(text))
    return red, green, blue
