# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""For maintainers: turn trained weights into the two files that ship with the package.

``python -m depth_learning_ros.engine.ship NAME weights.safetensors [--licence L]`` writes
``depth_learning_ros/weights/NAME.safetensors`` (float16) and ``NAME.onnx``, a graph whose weights
are those of the .safetensors file, so that nothing ships twice.

The weights are rounded to the 8 bits of bfloat16 first. Most of what separates a network in
bfloat16 from one in float32 is the rounding of its weights; with weights that need no rounding
every precision computes the same network. ``--exact`` keeps 11 bits instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import sys

import torch
from torch import nn

from depth_learning_ros.engine.export import Export, export_model
from depth_learning_ros.engine.mono import MonoFacts
from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.models.checkpoint import (
    WEIGHTS_FOLDER,
    load_checkpoint,
    save_checkpoint,
)


def ship(name: str, weights: Path, *, folder: Path = WEIGHTS_FOLDER, exact: bool = False,
         licence: str | None = None, mono: MonoFacts | None = None) -> Export:
    """Write both files, replacing those of that name.

    Args:
        name: what users will call the model.
        weights: trained weights.
        folder: where to.
        exact: keep the precision of float16 instead of rounding to bfloat16.
        licence: of the weights; None = what the file says.
        mono: virtual baseline, focal length and size of a mono network's training images; None =
            what the file says.

    Raises:
        ModelError: the weights are damaged, or do not fit into float16.
        EngineError: the exported graph does not give PyTorch's answers.
    """
    network, info = load_checkpoint(weights)
    if not exact:
        round_weights(network)
    info = replace(info, name=name, licence=licence or info.licence, tool_versions={})
    if mono is not None:
        info = replace(info, notes={**info.notes, **mono.to_dict()})
    shipped = folder / f'{name}.safetensors'
    save_checkpoint(shipped, network, info, half=True, force=True)
    return export_model(shipped, folder / f'{name}.onnx', linked=True, force=True)


def round_weights(network: nn.Module) -> None:
    """Round all parameters to numbers that bfloat16 and (as they are small) float16 hold."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.bfloat16().float())


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m depth_learning_ros.engine.ship',
        description='Write the files of a model that ships with the package.')
    parser.add_argument('name', help='what users will call the model, such as crl-small')
    parser.add_argument('weights', type=Path, help='trained weights, .safetensors')
    parser.add_argument('--licence', help='of the weights (default: what the file says)')
    parser.add_argument('--exact', action='store_true',
                        help='do not round the weights to bfloat16')
    mono = parser.add_argument_group('mono networks whose file does not say it')
    mono.add_argument('--virtual-baseline', type=float, metavar='M',
                      help='baseline of the rig that it learned from, metres')
    mono.add_argument('--focal', type=float, metavar='PX',
                      help='focal length of its training images, pixels at the training size')
    mono.add_argument('--training-size', metavar='HxW', help='such as 192x640')
    args = parser.parse_args(argv)
    try:
        done = ship(args.name, args.weights, exact=args.exact, licence=args.licence,
                    mono=_mono_facts(args))
    except DepthLearningError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    sizes = ', '.join(f'{path.name} {path.stat().st_size / 1e6:.2f} MB' for path in (
        done.path.with_suffix('.safetensors'), done.path))
    print(f'{sizes}; {done.checked_by}: {done.error} away from PyTorch')
    return 0


def _mono_facts(args: argparse.Namespace) -> MonoFacts | None:
    """Give what the options say of a mono network: all three of them or none."""
    given = {'virtual_baseline_m': args.virtual_baseline, 'focal_px': args.focal,
             'training_size': args.training_size and args.training_size.lower().split('x')}
    if not any(given.values()):
        return None
    return MonoFacts.of(given, args.name)


if __name__ == '__main__':
    sys.exit(main())
