# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Released Caffe weights into our networks; nothing is left out without being named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import hashlib
import logging
from pathlib import Path

import numpy as np
import torch
from torch import nn

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.caffe_names import MEAN_LAYERS, STATISTICS
from depth_learning_ros.models.caffemodel import CaffeLayer, read_caffemodel
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.registry import build_network
from depth_learning_ros.models.releases import Release, guess_release, release_of

logger = logging.getLogger(__name__)

_MEAN_BLOB = 2  # DataAugmentation: [0] iterations, [1] mean per pixel, [2] mean per channel
_NO_MEAN = (0.0, 0.0, 0.0)
_LISTED = 8


@dataclass(frozen=True)
class Placed:
    """A layer of ours and the Caffe layer whose blobs it took."""

    layer: str
    caffe_layer: str
    shape: tuple[int, ...]
    values: int


@dataclass(frozen=True)
class Imported:
    """What came of a Caffe file.

    Attributes:
        network: ours, float32, in evaluation mode.
        info: what a weights file of it will say.
        placed: from the images to the result.
        unplaced: layers of the file that our network has no place for.
        unfilled: our layers that the file does not fill, with the reason; they keep random values.
        nonzero_biases: Caffe layer -> the largest value of a bias that had to be dropped.
        notes: anything else the user should know, a sentence each.
    """

    network: nn.Module
    info: CheckpointInfo
    placed: tuple[Placed, ...]
    unplaced: tuple[str, ...]
    unfilled: tuple[str, ...]
    nonzero_biases: Mapping[str, float]
    notes: tuple[str, ...]


def import_caffe(path: Path | str, *, network: str | None = None, partial: bool = False,
                 on_progress: Callable[[int, int | None], None] | None = None) -> Imported:
    """Read a .caffemodel into the network it belongs to.

    Args:
        path: a binary caffemodel of CRL, DispNet, ZOLE or SVS.
        network: name of a release or network; None = told from the names of the layers.
        partial: leave layers that the file does not fill at random values instead of refusing.
        on_progress: called with (layers done, layers in all).

    Raises:
        ModelError: the file cannot be read, fits no network, or leaves layers of ours unfilled.
    """
    path = Path(path)
    layers = {layer.name: layer for layer in read_caffemodel(path)}  # as in Caffe, the last counts
    release = release_of(network) if network else guess_release(layers)
    if not network:
        logger.info('the layers of %s are those of %s', path, release.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # what stays unfilled is the same each time
        target = build_network(release.config)
    work = _Placement(target, release, layers, on_progress)
    means, mean_notes = _means(release, layers, work.unfilled)
    if work.unfilled and not partial:
        raise ModelError(_refusal(path, release, work.unfilled, network is None))
    statistics = {STATISTICS[name] for name in release.layers.values() if name in STATISTICS}
    means_layers = MEAN_LAYERS if release.mean != 'none' else ()
    taken = {*release.layers.values(), *statistics, *means_layers}
    return Imported(
        network=target.eval(), info=_info(path, release, means, work), placed=tuple(work.placed),
        unplaced=tuple(name for name in layers if name not in taken),
        unfilled=tuple(work.unfilled), nonzero_biases=work.nonzero_biases, notes=mean_notes)


class _Placement:
    """Copies blobs into a network and keeps account of it."""

    def __init__(self, network: nn.Module, release: Release,
                 layers: Mapping[str, CaffeLayer],
                 on_progress: Callable[[int, int | None], None] | None) -> None:
        self.placed: list[Placed] = []
        self.unfilled: list[str] = []
        self.nonzero_biases: dict[str, float] = {}
        parameters: dict[str, dict[str, nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            layer, _, kind = name.rpartition('.')
            parameters.setdefault(layer, {})[kind] = parameter
        # in the order of the table, from the images to the result
        order = [*release.layers, *(n for n in parameters if n not in release.layers)]
        for done, layer in enumerate(order, 1):
            own, theirs = parameters[layer], release.layers.get(layer)
            if theirs is None:
                self.unfilled.append(f'{".".join(filter(None, (layer, *own)))} (no Caffe network '
                                     f'has it)')
            elif theirs not in layers:
                self.unfilled.append(f'{layer} (no layer {theirs} in the file)')
            else:
                self._place(layer, own, layers[theirs])
                if theirs in STATISTICS:
                    self._place_statistics(network, layer, layers.get(STATISTICS[theirs]))
            if on_progress is not None:
                on_progress(done, len(order))

    def _place(self, layer: str, own: Mapping[str, nn.Parameter], source: CaffeLayer) -> None:
        weights, *rest = source.blobs
        fitting = _fit(weights, own['weight'])
        bias = _fit(rest[0], own['bias']) if rest and 'bias' in own else None
        complaint = ''
        if fitting is None:
            complaint = _other_shape(weights, own['weight'])
        elif 'bias' in own and not rest:
            complaint = 'has no bias'
        elif 'bias' in own and bias is None:
            complaint = f'has a bias {_other_shape(rest[0], own["bias"])}'
        elif len(rest) > 1:
            complaint = f'has {len(source.blobs)} blobs instead of 2'
        if complaint or fitting is None:
            self.unfilled.append(f'{layer} ({source.name} {complaint})')
            return
        with torch.no_grad():
            own['weight'].copy_(fitting)
            if bias is not None:
                own['bias'].copy_(bias)
        if rest and 'bias' not in own and np.any(rest[0]):
            self.nonzero_biases[source.name] = float(np.abs(rest[0]).max())
        self.placed.append(Placed(layer, source.name, tuple(own['weight'].shape),
                                  sum(p.numel() for p in own.values())))


    def _place_statistics(self, network: nn.Module, layer: str,
                          source: CaffeLayer | None) -> None:
        """Copy a BatchNorm layer's sums, which Caffe keeps with the weight they were added up."""
        norm = network.get_submodule(layer)
        assert isinstance(norm, nn.BatchNorm2d)
        buffers = (norm.running_mean, norm.running_var)
        if source is None or len(source.blobs) != 3 or any(
                own is None or own.numel() != blob.size
                for own, blob in zip(buffers, source.blobs, strict=False)):
            self.unfilled.append(f'{layer}.running_mean and running_var (no BatchNorm layer of '
                                 f'their size in the file)')
            return
        weight = float(source.blobs[2].reshape(-1)[0])
        factor = 1 / weight if weight else 0.0
        for own, blob in zip(buffers, source.blobs, strict=False):
            assert own is not None
            own.copy_(torch.from_numpy(np.array(blob, np.float32)).reshape(-1) * factor)


def _fit(blob: np.ndarray, parameter: nn.Parameter) -> torch.Tensor | None:
    """Give a blob in a parameter's shape; old files pad shapes with ones in front to four."""
    shape = list(blob.shape)
    while len(shape) > parameter.dim() and shape[0] == 1:
        shape.pop(0)
    if tuple(shape) != tuple(parameter.shape):
        return None
    return torch.from_numpy(np.array(blob, np.float32)).reshape(parameter.shape)


def _other_shape(blob: np.ndarray, parameter: nn.Parameter) -> str:
    return f'of shape {list(blob.shape)} instead of {list(parameter.shape)}'


def _means(release: Release, layers: Mapping[str, CaffeLayer], unfilled: list[str],
           ) -> tuple[list[tuple[float, float, float]], tuple[str, ...]]:
    """Give the means of left and right images, in 0..1, and what the user should know of them.

    The layer comes after the division by 255, so the file holds them in 0..1.
    """
    if release.mean == 'none':
        ignored = [name for name in MEAN_LAYERS if name in layers]
        note = (f'the means in {" and ".join(ignored)} are not subtracted: the published network '
                f'of {release.name} does not',) if ignored else ()
        return [_NO_MEAN, _NO_MEAN], note
    means = []
    notes = []
    for side, name in zip(('left', 'right'), MEAN_LAYERS, strict=True):
        mean = _mean(layers.get(name))
        if mean is None and release.mean == 'file':
            unfilled.append(f'the mean of the {side} images (no layer {name} with three means '
                            f'between 0 and 1)')
        elif mean is None:
            notes.append(f'the file holds no mean of the {side} images: nothing is subtracted')
        means.append(mean or _NO_MEAN)
    return means, tuple(notes)


def _mean(layer: CaffeLayer | None) -> tuple[float, float, float] | None:
    if layer is None or len(layer.blobs) <= _MEAN_BLOB or layer.blobs[_MEAN_BLOB].size != 3:
        return None
    first, second, third = (float(value) for value in layer.blobs[_MEAN_BLOB].reshape(-1))
    iterations = layer.blobs[0]  # 0: the network was saved before it saw an image
    if not iterations.any() or not all(0 <= value <= 1 for value in (first, second, third)):
        return None
    return first, second, third


def _info(path: Path, release: Release, means: list[tuple[float, float, float]],
          work: _Placement) -> CheckpointInfo:
    with path.open('rb') as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    notes = {**release.notes, 'imported_from': path.name, 'imported_sha256': digest.hexdigest()}
    if work.unfilled:
        notes['random_layers'] = '; '.join(work.unfilled)
    return CheckpointInfo(
        name=release.config.name, config=release.config, training_data=release.description,
        licence=release.licence, mean_left=means[0], mean_right=means[1], notes=notes)


def _refusal(path: Path, release: Release, unfilled: list[str], guessed: bool) -> str:
    more = f' and {len(unfilled) - _LISTED} more' if len(unfilled) > _LISTED else ''
    how = ' (as its layers suggest; --network names another)' if guessed else ''
    return (f'{path} does not fill the network {release.name}{how}: it leaves '
            f'{"; ".join(unfilled[:_LISTED])}{more}. Use --partial to keep random values there, '
            f'for training on')
