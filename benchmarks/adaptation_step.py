# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a step of adaptation costs beside a supervised step of the same batch; one thread.

``python benchmarks/adaptation_step.py [--weights crl-small --batch 4 --crop 256 640 --rounds 5]``

Prints milliseconds a step, multiples of the supervised step, and the Laplacian's share of a ZOLE
step (its forward and backward pass alone, on the predictions of the batch's target pairs).
"""

import argparse
from pathlib import Path
import tempfile

import numpy as np
from timing import alternate
import torch

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.batches import Batch
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import ROLES, FrameStore
from depth_learning_ros.adaptation.zole import smoothness_on_graph
from depth_learning_ros.models.checkpoint import find_weights, load_checkpoint
from depth_learning_ros.training.settings_file import read_settings
from depth_learning_ros.types import StereoPair

#: ZOLE as published, as far as is known
PAPER = read_settings(Path(__file__).parents[1] / 'config/adaptation/paper.yaml', 'method: zole')


class Fixed:
    """The same batch in every step: what loading costs is not asked here."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __getitem__(self, number: int) -> Batch:
        return self.batch


def make_batch(size: tuple[int, int, int], target_pairs: int, seed: int = 0) -> Batch:
    """Texture at one distance; the first pairs are of the target."""
    batch, height, width = size
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 256, (batch, 3, height, width + 8), dtype=np.uint8)
    synthetic = torch.arange(batch) >= target_pairs
    truth = torch.full((batch, 1, height, width), -8.0)
    left, right = (torch.from_numpy(view.copy())
                   for view in (texture[..., :width], texture[..., 8:]))
    return Batch(left, right, left, right, truth, torch.ones_like(truth), synthetic)


def new_adapter(args: argparse.Namespace, folder: Path, target_pairs: int,
                **changes: object) -> Adapter:
    network, info = load_checkpoint(find_weights(args.weights))
    config = AdaptationConfig.from_dict({
        'batch': args.batch, 'crop_height': args.crop[0], 'crop_width': args.crop[1],
        'synthetic_share': 0.0, **changes})
    adapter = Adapter(network, info, config, FrameStore(folder / 'frames'), None,
                      folder / 'scenes')
    adapter.batches = Fixed(make_batch((args.batch, *args.crop), target_pairs))
    return adapter


def prepare(folder: Path, crop: tuple[int, int]) -> None:
    """Leave the frames and the scene that an adapter wants to see; no step reads them."""
    black = np.zeros((*crop, 3), np.uint8)
    store = FrameStore(folder / 'frames')
    for number, role in enumerate(ROLES):
        store.add(StereoPair(black, black), role, number)
    (folder / 'scenes').mkdir()
    np.savez(folder / 'scenes' / '0.npz')


def laplacian_alone(adapter: Adapter, target_pairs: int):
    batch = adapter.batches[0]
    left = batch.left[:target_pairs].float()
    with torch.no_grad():
        outputs = adapter.predictor.outputs(left, batch.right[:target_pairs].float())
    s = outputs[-1][-1].float().detach().requires_grad_()
    return lambda: smoothness_on_graph(s, left, adapter.config).backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='crl-small')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--crop', type=int, nargs=2, default=(256, 640))
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    half = args.batch // 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, tuple(args.crop))
        adapters = {
            'supervised': new_adapter(args, folder, 0),
            'zole': new_adapter(args, folder, half),
            'zole of the paper': new_adapter(args, folder, half, **PAPER),
            'tonioni': new_adapter(args, folder, args.batch, method='tonioni'),
            'photometric': new_adapter(args, folder, args.batch, method='photometric')}
        work = {name: adapter.step for name, adapter in adapters.items()}
        found = alternate({**work, 'laplacian alone': laplacian_alone(adapters['zole'], half)},
                          args.rounds)
    for name, ms in found.items():
        print(f'{name:20s}{ms:10.0f} ms{ms / found["supervised"]:8.2f} x supervised')
    print(f'the Laplacian takes {100 * found["laplacian alone"] / found["zole"]:.1f} % of a '
          f'ZOLE step')


if __name__ == '__main__':
    main()
