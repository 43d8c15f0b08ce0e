# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What does each part of generator, cameras and network bring? Short runs, one thing changed each.

``python benchmarks/ablations.py --folder runs/ablations [--steps 2000 --scenes 800]
[--only NAME ...] [--change NAME=KEY=VALUE ...] [--list]``

Every run learns from scenes of its own and is measured on the same held-out scenes, of all parts
of the generator. Runs that are done are not repeated; one that was interrupted goes on. Two seeds
of the unchanged run show how much is chance. Short runs say which way a thing goes, not how far.
"""

import argparse
from collections.abc import Mapping
import csv
from dataclasses import fields
import json
from pathlib import Path
from typing import Any

import torch
import yaml

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.options import WORLD_NAMES, GeneratorOptions
from depth_learning_ros.data.synthetic.workers import fill
from depth_learning_ros.training.augment import CameraFaults
from depth_learning_ros.training.config import TrainingConfig
from depth_learning_ros.training.loop import Trainer

WIDTH, HEIGHT = 640, 320
SCENES_SEED, HELD_OUT_SEED = 1, 999


def experiments() -> dict[str, dict[str, Any]]:
    """Name -> settings that differ from the unchanged run; dots lead into nested ones."""
    found: dict[str, dict[str, Any]] = {'unchanged': {}, 'another seed': {'seed': 2}}
    for part in fields(GeneratorOptions):
        if part.default is True:
            found[f'no {part.name}'] = {f'generator.{part.name}': False}
    found['version 1 parts'] = {
        'generator': {**GeneratorOptions.bare().to_dict(),
                      'worlds': ['floating', 'room', 'road', 'table']}}
    for world in WORLD_NAMES:
        found[f'no {world}'] = {'generator.worlds': [w for w in WORLD_NAMES if w != world]}
    for fault in fields(CameraFaults):
        found[f'no {fault.name}'] = {f'augment.{fault.name}': 0.0}
    found['half the learning rate'] = {'stages.0.learning_rate': 5e-4}
    found['twice the learning rate'] = {'stages.0.learning_rate': 2e-3}
    found['half the crop'] = {'stages.0.crop_height': 192, 'stages.0.crop_width': 320}
    found['no average of weights'] = {'ema': 0.0}
    found['network crl-quarter'] = {'network': 'crl-quarter'}
    return found


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with some replaced."""
    result = json.loads(json.dumps(settings))
    for key, value in changes.items():
        *path, last = key.split('.')
        place: Any = result
        for name in path:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[last] = value
    return result


def base_settings(args: argparse.Namespace) -> dict[str, Any]:
    stage = {'train': 'first', 'steps': args.steps, 'learning_rate': 1e-3, 'batch': args.batch,
             'crop_height': args.crop[1], 'crop_width': args.crop[0]}
    return {'network': args.network, 'seed': 1, 'workers': args.workers, 'validate_minutes': 10.0,
            'ema': 0.99, 'stages': [stage]}


def run(name: str, changes: Mapping[str, Any], args: argparse.Namespace) -> dict[str, str]:
    """Do one experiment unless it is done; gives the last row of its metrics."""
    folder = args.folder / name.replace(' ', '-')
    folder.mkdir(parents=True, exist_ok=True)
    settings = changed(base_settings(args), changes)
    options = GeneratorOptions.from_dict(settings.get('generator', {}))
    # what has the same generator learns from the same scenes
    pool = args.folder / 'scenes' / (
        'all' if options == GeneratorOptions() else name.replace(' ', '-'))
    held_out = args.folder / 'scenes' / 'held-out'
    for place, seed, count, parts in ((pool, SCENES_SEED, args.scenes, options),
                                      (held_out, HELD_OUT_SEED, args.held_out, None)):
        generator = SceneGenerator(seed, WIDTH, HEIGHT, options=parts)
        for _ in fill(place, generator, range(count), args.render_workers):
            pass
    config = TrainingConfig.from_dict({**settings, 'scenes': str(pool),
                                       'validation': str(held_out)})
    (folder / 'config.yaml').write_text(yaml.safe_dump(settings))
    Trainer(config, folder, resume=(folder / 'state.pt').exists()).run()
    with (folder / 'metrics.csv').open() as file:
        return list(csv.DictReader(file))[-1]


def table(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Rows as Markdown, each beside the unchanged run."""
    lines = ['| run | samples | loss | held-out EPE px | held-out D1 % | against unchanged |',
             '|---|---|---|---|---|---|']
    base = rows.get('unchanged')
    for name, row in rows.items():
        epe, d1 = (row.get(f'val_first_{key}') or row[f'val_{key}'] for key in ('epe', 'd1'))
        other = base and (base.get('val_first_d1') or base['val_d1'])
        against = f'{float(d1) - float(other):+.1f}' if other and name != 'unchanged' else ''
        lines.append(f'| {name} | {row["samples"]} | {float(row["loss"]):.2f} | {float(epe):.2f} '
                     f'| {float(d1):.1f} | {against} |')
    return '\n'.join(lines)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=Path, default=Path('runs/ablations'))
    parser.add_argument('--network', default='crl-small')
    parser.add_argument('--steps', type=int, default=2000)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--crop', type=lambda text: tuple(map(int, text.split('x'))),
                        default=(512, 256), metavar='WIDTHxHEIGHT')
    parser.add_argument('--scenes', type=int, default=800)
    parser.add_argument('--held-out', type=int, default=48)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--render-workers', type=int, default=0)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--only', nargs='+', metavar='NAME')
    parser.add_argument('--change', action='append', default=[], metavar='NAME=KEY=VALUE',
                        help='an experiment of your own, such as slow=stages.0.learning_rate=1e-4')
    parser.add_argument('--list', action='store_true', help='name the experiments and stop')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    wanted = experiments()
    for text in args.change:
        name, key, value = text.split('=', 2)
        wanted.setdefault(name, {})[key] = yaml.safe_load(value)
    if args.list:
        for name, changes in wanted.items():
            print(f'{name:28s}{changes}')
        return
    unknown = set(args.only or ()) - set(wanted)
    if unknown:
        raise SystemExit(f'unknown experiments {sorted(unknown)}: see --list')
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    rows = {}
    for name in args.only or wanted:
        rows[name] = run(name, wanted[name], args)
        print(f'{name}: {rows[name]}', flush=True)
        (args.folder / 'table.md').write_text(table(rows) + '\n')
    print(table(rows))


if __name__ == '__main__':
    main()
