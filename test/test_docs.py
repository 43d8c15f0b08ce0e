# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the documents tell users to type is what the package understands."""

from pathlib import Path
import re
import shlex

import numpy as np
import pytest

from depth_learning_ros.cli import COMMANDS, _build_parser
from depth_learning_ros.types import StereoCamera

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```', re.MULTILINE | re.DOTALL)


def commands() -> list:
    """Every `depth-learning ...` line of the documents' blocks, comments cut off."""
    found = []
    for document in DOCUMENTS:
        for _, block in BLOCK.findall(document.read_text()):
            for line in block.replace('\\\n', ' ').splitlines():
                if line.strip().startswith('depth-learning ') and '...' not in line:
                    found.append(pytest.param(line.split('#')[0].strip(),
                                              id=f'{document.name}: {line.strip()[:50]}'))
    return found


@pytest.mark.parametrize('line', commands())
def test_every_command_line_parses(line):
    arguments = shlex.split(line)[1:]
    parser, _ = _build_parser(arguments)
    parser.parse_args(arguments)


def test_the_readme_names_every_command():
    text = (ROOT / 'README.md').read_text()
    assert all(f'`{name}`' in text for name in COMMANDS)


def test_the_readmes_python_lines_work():
    code = next(block for language, block in BLOCK.findall((ROOT / 'README.md').read_text())
                if language == 'python')
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (96, 160, 3), dtype=np.uint8)
    names = {'left': image, 'right': np.roll(image, -4, 1),
             'camera': StereoCamera(160, 96, 100.0, 80.0, 48.0, 0.1)}
    exec(code, names)
    result = names['result']
    names['pipeline'].close()
    assert result.disparity.values.shape == result.depth.shape == result.confidence.shape
    assert result.points.points.shape == (96, 160, 3)


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r'\]\(([^)#]+)\)', document.read_text()):
        assert '://' in target or (document.parent / target).exists(), target
