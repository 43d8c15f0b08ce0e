# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write the cards of the networks that ship into docs/weights.md, from the files themselves.

``python benchmarks/model_cards.py [--check]``

Numbers come from the catalogue and from what the training wrote into each weights file; what a
network is for and where it fails is written here by hand.
"""

import argparse
import json
from pathlib import Path
import sys
from typing import Any

from depth_learning_ros.models.checkpoint import CheckpointInfo, read_info

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / 'depth_learning_ros'
DOCUMENT = ROOT / 'docs' / 'weights.md'
BEGIN, END = '<!-- cards: begin, by benchmarks/model_cards.py -->', '<!-- cards: end -->'

WORDS = {
    'crl-small': (
        'Dense disparity of a rectified pair, in real time on a CPU; 0 to about 190 px at the '
        'size the network sees.',
        'Edges are soft and thin things drown; large surfaces without texture, glass and mirrors '
        'are guessed; disparities beyond 190 px at the size the network sees (127 px of an image '
        'enlarged by 1.5) are missed: give a smaller zoom there.'),
    'dispnetc-small': (
        'The smallest stereo network, where crl-small is too slow; what adaptation is compared '
        'on, as ZOLE adapts DispNetC.',
        'As crl-small, and more often: it ends at half resolution, so edges are softer still, and '
        'no second stage corrects it.'),
    'svs-small': (
        'Depth from one camera, in real time on a CPU, to begin with before it is taught by the '
        "robot's own stereo logs.",
        'Scale and layout are guessed from what rendered streets and halls look like: on streets '
        'that it never saw more than four of five pixels are off by more than D1 allows; cars and '
        'persons worst. Two cameras and block matching are far better there.'),
}
UNKNOWN = ('Not described yet.', 'Not described yet.')


def shipped() -> list[tuple[dict[str, Any], CheckpointInfo]]:
    """Give catalogue entry and metadata of each network that has weights."""
    catalogue = json.loads((PACKAGE / 'models' / 'catalogue.json').read_text())
    return [(entry, read_info(PACKAGE / 'weights' / entry['weights']))
            for entry in catalogue if entry['weights']]


def card(entry: dict[str, Any], info: CheckpointInfo) -> str:
    """Give one card as Markdown."""
    purpose, fails = WORDS.get(entry['name'], UNKNOWN)
    size_mb = (PACKAGE / 'weights' / entry['weights']).stat().st_size / 1e6
    notes = dict(info.notes)
    held_out = notes.pop('held_out_synthetic', None)
    rows = [
        ('what it is', entry['description']),
        ('for', purpose),
        ('fails', fails),
        ('parameters', f'{entry["parameters"]:,}'),
        ('GFLOP of 1242x375', f'{entry["gflop_1242x375"]:g}'),
        ('file', f'`{entry["weights"]}`, {size_mb:.1f} MB'),
        ('learned from', info.training_data),
        ('steps', f'{info.steps:,}'),
    ]
    if held_out:
        rows.append(('held-out rendered scenes',
                     ', '.join(f'{name} {value:g}' for name, value in held_out.items())))
    rows += [(name.replace('_', ' '), str(value)) for name, value in sorted(notes.items())]
    rows += [('real sets', 'see [results](results.md)'), ('licence', info.licence)]
    lines = [f'### {entry["name"]}', '', '| | |', '|---|---|']
    lines += [f'| {name} | {" ".join(str(value).split()).replace("|", "/")} |'
              for name, value in rows]
    return '\n'.join(lines)


def section() -> str:
    """Give all cards between their marks."""
    return '\n\n'.join([BEGIN, *(card(*each) for each in shipped()), END])


def updated(text: str) -> str:
    """Give the document with its cards replaced.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'{DOCUMENT} lacks the marks "{BEGIN}" and "{END}"')
    return before + section() + after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true',
                        help='change nothing; status 1 if the cards are not those of the files')
    args = parser.parse_args()
    text = DOCUMENT.read_text()
    new = updated(text)
    if args.check:
        print('up to date' if new == text else 'out of date: run benchmarks/model_cards.py')
        return int(new != text)
    DOCUMENT.write_text(new)
    return 0


if __name__ == '__main__':
    sys.exit(main())
