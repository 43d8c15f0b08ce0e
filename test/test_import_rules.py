# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, and which library may be imported where (docs/design.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / 'depth_learning_ros'
FILES = sorted(PACKAGE.rglob('*.py'))

# Every room may import itself, errors and files (how the package fails and how it writes).
ALLOWED: dict[str, set[str]] = {
    '': {'pipeline', 'engine'},
    'types': set(),
    'errors': set(),
    'files': set(),
    'models': set(),
    'geometry': {'types'},
    'cdr': set(),
    'messages': {'types', 'pipeline', 'geometry'},
    'data': {'types', 'geometry'},
    'training': {'models', 'data', 'geometry'},
    'evaluation': {'data', 'geometry', 'types', 'pipeline', 'engine'},
    'adaptation': {'training', 'models', 'data', 'geometry', 'evaluation', 'types'},
    'engine': {'models', 'types'},
    'pipeline': {'engine', 'geometry', 'types'},
    'stream': {'pipeline', 'messages', 'geometry', 'engine', 'types'},
    'replay': {'cdr', 'stream', 'pipeline', 'messages', 'geometry', 'engine', 'types'},
    'live': {'cdr', 'stream', 'pipeline', 'messages', 'geometry', 'engine', 'types'},
    'nodes': {'stream', 'pipeline', 'messages', 'geometry', 'engine', 'types', 'adaptation',
              'evaluation', 'replay'},
    'demo': {'cdr', 'replay', 'evaluation', 'pipeline', 'engine', 'geometry', 'messages', 'types',
             'data'},
    'cli': {'cdr', 'stream', 'replay', 'live', 'demo', 'evaluation', 'training', 'adaptation',
            'data', 'engine', 'pipeline', 'models', 'geometry', 'messages', 'types'},
    '__main__': {'cli'},
}

# Library -> the files or folders that may import it.
LIBRARIES: dict[str, tuple[str, ...]] = {
    'rclpy': ('nodes/',),
    'message_filters': ('nodes/',),
    'cv_bridge': ('nodes/',),
    'diagnostic_updater': ('nodes/',),
    'rosbags': ('cdr/', 'replay/', 'live/', 'demo/'),
    'cyclonedds': ('live/',),
    'openvino': ('engine/openvino_runner.py',),
    'onnxruntime': ('engine/onnxruntime_runner.py',),
    'tensorrt': ('engine/tensorrt_runner.py',),
    'tensorrt_rtx': ('engine/tensorrt_rtx_runner.py',),
    'lightning_fabric': ('training/',),
}


def imports(path: Path):
    """Yield (module, whether it is only for type checkers) of every import in a file."""
    tree = ast.parse(path.read_text())
    typing_only = {id(n) for branch in ast.walk(tree) if isinstance(branch, ast.If)
                   and 'TYPE_CHECKING' in ast.dump(branch.test) for n in ast.walk(branch)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            yield node.module or '', id(node) in typing_only
            for alias in node.names:
                yield f'{node.module}.{alias.name}', id(node) in typing_only


def room_of(module: str) -> str:
    parts = module.split('.')
    return parts[1] if len(parts) > 1 else ''


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_only_what_they_may(path):
    relative = path.relative_to(PACKAGE)
    room = relative.parts[0].removesuffix('.py')
    room = '' if room == '__init__' else room
    allowed = ALLOWED[room] | {room, 'errors', 'files', ''}
    rooms = {p.name.removesuffix('.py') for p in PACKAGE.iterdir()}
    for module, _ in imports(path):
        if module.startswith('depth_learning_ros.') and room_of(module) in rooms:
            assert room_of(module) in allowed, f'{relative} imports {module}'


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path):
    relative = str(path.relative_to(PACKAGE))
    for module, typing_only in imports(path):
        homes = LIBRARIES.get(module.split('.')[0])
        if homes and not typing_only:
            assert relative.startswith(homes), f'{relative} imports {module}'


def test_engine_runners_do_not_import_each_other():
    for path in (PACKAGE / 'engine').glob('*_runner.py'):
        for module, _ in imports(path):
            other = module.split('.')[-1]
            assert not (other.endswith('_runner') and other != path.stem), f'{path.name}: {module}'
