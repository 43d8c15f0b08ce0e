# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adaptation from one start: error against zoom, methods and ablations, settings; one thread.

``python benchmarks/adaptation_study.py zoom --weights crl-small --set SCENES``
``python benchmarks/adaptation_study.py methods --weights crl-small --set SCENES --log FRAMES \\
  --scenes RENDERED --held-out RENDERED [--only zole,tonioni --steps 60 --batch 2]``
``python benchmarks/adaptation_study.py settings`` with the same arguments: each setting of ZOLE's
loss away from its default, the others as they are.

SCENES: folders with left.png, right.png and disp.png, for the figures alone. FRAMES: left/ and
right/. RENDERED: folders that 'depth-learning adapt --scenes' or 'train' left.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
import tempfile

import numpy as np
import torch

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.figures import as_tensor
from depth_learning_ros.adaptation.folders import folder_log
from depth_learning_ros.adaptation.frames import FrameStore, Intake
from depth_learning_ros.adaptation.labels import label
from depth_learning_ros.adaptation.pictures import NOISE_GRAY
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.progress import Validation
from depth_learning_ros.adaptation.zole import pseudo_ground_truth
from depth_learning_ros.data.folders import StereoFolder
from depth_learning_ros.evaluation.metrics import bad_share, d1_share, end_point_error
from depth_learning_ros.models.checkpoint import find_weights, load_checkpoint
from depth_learning_ros.training.settings_file import read_settings

ZOOMS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
#: ZOLE as published, as far as is known
PAPER = read_settings(Path(__file__).parents[1] / 'config/adaptation/paper.yaml', 'method: zole')
#: the paper's ablations: from weights that were trained to their end, as smooth as ours
ABLATED = {**PAPER, 'learning_rate': 1e-4, 'average': 0.98, 'synthetic_share': 0.5}
VARIANTS: dict[str, dict[str, object]] = {
    'zole': {},
    'tonioni': {'method': 'tonioni'},
    'photometric': {'method': 'photometric'},
    'paper': PAPER,
    'renewed': ABLATED,
    'renewed; no Laplacian': {**ABLATED, 'laplacian': 0.0},
    'renewed; no zoom': {**ABLATED, 'zooms': [1.0]},
    'kept': {**ABLATED, 'labels': 'kept'},
    'kept; no Laplacian': {**ABLATED, 'labels': 'kept', 'laplacian': 0.0},
    'without filling': {'fill': False},
    'without the matcher': {'matcher': False},
    'through another camera': {'augment': True},
    'labels made anew': {'label_steps': 100},
    'with photometric': {'photometric': 1.0},
}
SETTINGS: dict[str, dict[str, object]] = {
    'defaults': {},
    'defaults; another seed': {'seed': 1},
    **{f'lambda {value:g}': {'laplacian': value} for value in (0.0, 0.03, 0.3, 1.0)},
    **{f'sigma {value:g}': {'sigma': value} for value in (0.02, 0.15)},
    **{f'patch {value} px': {'patch_px': value} for value in (8, 64)},
    **{f'cut {value:g}': {'cut': value} for value in (1.5, 6.0)},
    '24 neighbours': {'radius_px': 2},
    **{f'tau {value:g}': {'synthetic_weight': value} for value in (0.3, 3.0)},
    **{f'rendered pairs {value:.0%}': {'synthetic_share': value} for value in (0.1, 0.5)},
    **{f'learning rate {value:g}': {'learning_rate': value} for value in (3e-5, 1e-4, 1e-3)},
    **{f'batch {value}': {'batch': value} for value in (2, 8)},
    'crops as they are': {'zoom_crops': False},
    'through another camera': {'augment': True},
}
HEADER = '{:28s}  EPE px  >3px %    D1 %  >1px %'
Inference = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def errors(infer: Inference, scenes: StereoFolder) -> np.ndarray:
    """Mean over scenes of end-point error (px), errors > 3 px, D1 and errors > 1 px (%)."""
    rows = []
    for sample in scenes:
        found = -infer(as_tensor(sample.left), as_tensor(sample.right))[0, 0].numpy()
        truth = sample.disparity
        rows.append((end_point_error(found, truth), bad_share(found, truth),
                     d1_share(found, truth), bad_share(found, truth, 1.0)))
    return np.mean(rows, axis=0)


def show(name: str, figures: np.ndarray, more: str = '') -> None:
    epe, bad3, d1, bad1 = figures
    print(f'{name:28s}{epe:8.3f}{bad3:8.2f}{d1:8.2f}{bad1:8.2f}{more}', flush=True)


def study_zoom(args: argparse.Namespace) -> None:
    predictor = Predictor(*load_checkpoint(find_weights(args.weights)))
    print(HEADER.format('zoom'))
    for zoom in ZOOMS:
        def infer(left: torch.Tensor, right: torch.Tensor, r: float = zoom) -> torch.Tensor:
            return pseudo_ground_truth(predictor, left, right, r)
        show(f'{zoom:g}', errors(infer, StereoFolder(args.set)))
    for name, matcher in (('several looks, filled', False), ('and the matcher, filled', True)):
        config = AdaptationConfig(matcher=matcher)

        def teach(left: torch.Tensor, right: torch.Tensor,
                  c: AdaptationConfig = config) -> torch.Tensor:
            return label(predictor, left, right, c)
        show(name, errors(teach, StereoFolder(args.set)))


def study_methods(args: argparse.Namespace) -> None:
    """Adapt with each variant, and measure what each would leave."""
    variants = VARIANTS if args.study == 'methods' else SETTINGS
    base = {'batch': args.batch, 'crop_width': args.crop_width, 'steps': args.steps,
            'scenes': len(list(args.scenes.glob('*.npz'))),  # all of them
            'held_out_scenes': len(list(args.held_out.glob('*.npz')))}
    if args.learning_rate:
        base['learning_rate'] = args.learning_rate
    chosen = args.only.split(',') if args.only else list(variants)
    configs = {name: AdaptationConfig.from_dict({**base, **variants[name]}) for name in chosen}
    scenes = StereoFolder(args.set)
    print(HEADER.format('') + '   validation: PSNR SSIM consistency; rendered: EPE D1')
    with tempfile.TemporaryDirectory() as folder:
        store, log = FrameStore(Path(folder)), folder_log(args.log)
        intake = Intake(store, args.noise_gray)
        intake.take(log.pairs(1), log.name)
        intake.deal()
        labels_of = None
        for name, config in configs.items():
            network, info = load_checkpoint(find_weights(args.weights))
            adapter = Adapter(network, info, config, store, args.scenes, args.held_out)
            if args.study == 'settings':  # none of which changes what the teacher says
                adapter.batches.labels_of = labels_of = labels_of or adapter.teacher.labels_of
            while adapter.done() < 1:
                adapter.step()
            last = adapter.validate()
            if name == chosen[0]:
                show('before', errors(adapter.reference.disparity, scenes),
                     described(adapter.validations[0]))
            show(name, errors(adapter.steady.disparity, scenes), described(last))
            if adapter.best_way < 1:  # the whole way does harm, half way does not
                show('  half way', errors(adapter.chosen.disparity, scenes),
                     described(adapter.validations[-1]))


def described(validation: Validation) -> str:
    figures = validation.figures
    return (f'   {figures.mean("psnr"):.2f} {figures.mean("ssim"):.4f} '
            f'{figures.mean("consistency"):.4f}; {figures.synthetic_epe:.2f} '
            f'{figures.synthetic_d1:.2f}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('study', choices=('zoom', 'methods', 'settings'))
    parser.add_argument('--weights', default='crl-small')
    parser.add_argument('--set', type=Path, required=True)
    parser.add_argument('--log', type=Path)
    parser.add_argument('--noise-gray', type=float, default=NOISE_GRAY)
    parser.add_argument('--scenes', type=Path)
    parser.add_argument('--held-out', type=Path)
    parser.add_argument('--only', default='')
    parser.add_argument('--steps', type=int, default=400)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--crop-width', type=int, default=512)
    parser.add_argument('--learning-rate', type=float)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    (study_zoom if args.study == 'zoom' else study_methods)(args)


if __name__ == '__main__':
    main()
