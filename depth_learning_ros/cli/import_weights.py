# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning import-weights``: released Caffe weights into a weights file of ours."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import add_force_option
from depth_learning_ros.cli.progress import progress_callback, say

if TYPE_CHECKING:
    from depth_learning_ros.models.import_caffe import Imported

_EPILOG = """\
The files are those that the authors of CRL, DispNet, ZOLE and SVS offer for download
(docs/weights.md). Every layer is named: what went where, what of the file had no place, and what
of our network stays unfilled, which is an error unless --partial.

example:
  depth-learning import-weights crl.caffemodel -o crl.safetensors
  depth-learning infer left.png right.png -o disparity.png --model crl.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('file', type=Path, metavar='CAFFEMODEL', help='a binary .caffemodel')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='OUT',
        help='the weights file to write, .safetensors')
    parser.add_argument(
        '--network', metavar='NAME',
        help='crl, dispnetc, dispnets, zole, dispfulnet, svs-stereo, or a network from '
             "'depth-learning models' (default: what the names of the layers say)")
    parser.add_argument(
        '--partial', action='store_true',
        help='write the file even if layers stay unfilled; they keep random values, so the '
             'network must be trained on')
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Import, write, and print where every layer went."""
    from depth_learning_ros.files import check_output
    if args.output.suffix != '.safetensors':
        raise UsageError(f'the output is {args.output}: its name must end in .safetensors')
    check_output(args.output, args.force)
    from depth_learning_ros.models.checkpoint import save_checkpoint
    from depth_learning_ros.models.import_caffe import import_caffe
    with progress_callback('importing', 'layer') as on_progress:
        imported = import_caffe(args.file, network=args.network, partial=args.partial,
                                on_progress=on_progress)
    save_checkpoint(args.output, imported.network, imported.info, force=args.force)
    print(to_text(imported))
    for warning in warnings(imported):
        say(f'warning: {warning}')
    say(f'wrote {args.output} ({args.output.stat().st_size / 1e6:.1f} MB)')
    return 0


def to_text(imported: Imported) -> str:
    """Lay out what was placed as a table, with the sums and the means below it."""
    rows = [('layer', 'Caffe layer', 'shape', 'values')]
    rows += [(p.layer, p.caffe_layer, ' x '.join(map(str, p.shape)), f'{p.values:,}')
             for p in imported.placed]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ['  '.join((row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].ljust(widths[2]),
                        row[3].rjust(widths[3]))) for row in rows]
    info = imported.info
    total = sum(p.values for p in imported.placed)
    lines += ['', f'network   {info.name} ({info.config.architecture}, input '
                  f'{info.config.channel_order.upper()})',
              f'placed    {len(imported.placed)} layers, {total:,} values',
              f'unplaced  {", ".join(imported.unplaced) or "none"}',
              f'unfilled  {"; ".join(imported.unfilled) or "none"}',
              f'mean      left {_mean(info.mean_left)}, right {_mean(info.mean_right)} '
              f'({info.config.channel_order.upper()}, of 0..1 images)',
              f'licence   {info.licence}']
    return '\n'.join(lines)


def warnings(imported: Imported) -> list[str]:
    """Give what makes the network differ from the released one, a sentence each."""
    found = list(imported.notes)
    if imported.nonzero_biases:
        which = ', '.join(f'{name} (up to {value:.3g})'
                          for name, value in imported.nonzero_biases.items())
        found.append(f'the biases of these deconvolutions are not 0, and were dropped because '
                     f'our deconvolutions have none: {which}. The network differs from the '
                     f'released one by that much')
    if imported.unfilled:
        found.append(f'{len(imported.unfilled)} layers hold random values: the network must be '
                     f'trained on before it is of use')
    return found


def _mean(values: tuple[float, float, float]) -> str:
    return ' '.join(f'{value:.4f}' for value in values)
