# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""docs/ros2.md, the launch files and what is installed agree with the code; no ROS 2 needed."""

import ast
import math
from pathlib import Path
import re
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from depth_learning_ros.messages.outputs import OUTPUT_TYPES
from depth_learning_ros.nodes.adaptation_settings import SETTINGS
from depth_learning_ros.stream.settings import MonoSettings, Setting, StereoSettings, table

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / 'docs' / 'ros2.md').read_text()
LAUNCH_FILES = sorted((ROOT / 'launch').rglob('*.launch.py'))


def described_range(row: Setting) -> str:
    """What a value may be, in words."""
    if row.choices:
        return ', '.join(f'`{choice}`' for choice in row.choices)
    if row.minimum is None and row.maximum is None:
        return 'true, false' if isinstance(row.default, bool) else 'any'
    low = '' if row.minimum is None else f'{row.minimum:g}'
    high = '' if row.maximum is None or math.isinf(row.maximum) else f'{row.maximum:g}'
    return f'{low} to {high}'.strip()


def described_default(row: Setting) -> str:
    """A default as it is written in YAML."""
    if isinstance(row.default, tuple):
        return f'[{", ".join(row.default)}]'
    if isinstance(row.default, bool):
        return str(row.default).lower()
    return f'`{row.default}`' if row.default != '' else "''"


def reference(rows: list[Setting]) -> str:
    """The table of parameters as the page has it."""
    lines = ['| parameter | default | values | what it does |', '|---|---|---|---|']
    for row in rows:
        name = f'`{row.name}`' + (' *' if row.fixed else '')
        lines.append(f'| {name} | {described_default(row)} | {described_range(row)} '
                     f'| {row.about.replace("<", "&lt;")} |')
    return '\n'.join(lines)


def tables() -> dict[str, str]:
    """Both nodes' parameters: what they share, and what one has."""
    stereo, mono = table(StereoSettings), table(MonoSettings)
    shared = {row.name for row in stereo} & {row.name for row in mono}
    return {
        'stereo_node': reference(stereo),
        'mono_node': reference([row for row in mono
                                if row.name not in shared or row.name == 'model']),
    }


@pytest.mark.parametrize('node', ['stereo_node', 'mono_node'])
def test_the_pages_parameters_are_those_of_the_code(node):
    wanted = tables()[node]
    assert wanted in PAGE, f'docs/ros2.md should have this table for {node}:\n{wanted}'


@pytest.mark.parametrize(('node', 'rows', 'more'), [
    ('stereo_node', table(StereoSettings), {'autostart': True}),
    ('mono_node', table(MonoSettings), {'autostart': True}),
    ('adaptation_node', SETTINGS, {})], ids=['stereo', 'mono', 'adaptation'])
def test_the_yaml_of_a_node_holds_its_defaults(node, rows, more):
    values = yaml.safe_load((ROOT / 'config' / f'{node}.yaml').read_text())
    assert values['/**']['ros__parameters'] == more | {
        row.name: list(row.default) if isinstance(row.default, tuple) else row.default
        for row in rows}


def test_the_page_names_every_topic_that_is_published():
    assert all(f'`{name}`' in PAGE for name in OUTPUT_TYPES)


def declared_arguments(path: Path) -> dict[str, ast.Call]:
    """The DeclareLaunchArgument calls of a launch file, by name."""
    return {call.args[0].value: call for call in ast.walk(ast.parse(path.read_text()))
            if isinstance(call, ast.Call)
            and getattr(call.func, 'id', '') == 'DeclareLaunchArgument'}


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_every_launch_argument_is_described(path):
    found = declared_arguments(path)
    assert found, f'{path.name} declares no argument'
    for name, call in found.items():
        assert 'description' in {keyword.arg for keyword in call.keywords}, name


def test_the_page_types_only_launch_arguments_that_exist():
    known = {name for path in LAUNCH_FILES for name in declared_arguments(path)}
    for line in re.findall(r'^ros2 launch .*$', PAGE.replace('\\\n', ' '), re.MULTILINE):
        name = line.split()[3]
        assert (ROOT / 'launch' / name).is_file(), line
        unknown = set(re.findall(r'(\w+):=', line)) - known
        assert not unknown, f'{line}: no argument {unknown}'


def test_rviz_shows_topics_that_the_launch_file_remaps():
    shown = yaml.safe_load((ROOT / 'config' / 'rviz' / 'depth.rviz').read_text())
    topics = {display['Topic']['Value'] for display in shown['Visualization Manager']['Displays']
              if 'Topic' in display}
    view = (ROOT / 'launch' / 'parts' / 'view.launch.py').read_text()
    assert topics == {'/left/image_rect', '/disparity/image', '/points2', '/scan'}
    assert all(topic in view or f"'{topic[1:]}'" in view for topic in topics)


# What displays of rviz_default_plugins can be told, and their messages (RViz of Jazzy). RViz says
# nothing of a property that it does not know.
CLOUD = {'Selectable', 'Style', 'Size (m)', 'Size (Pixels)', 'Alpha', 'Decay Time',
         'Position Transformer', 'Color Transformer', 'Use Fixed Frame', 'Color', 'Topic'}
IMAGE = {'Normalize Range', 'Min Value', 'Max Value', 'Median window', 'Topic'}
DISPLAYS = {
    'Grid': {'Reference Frame', 'Plane Cell Count', 'Normal Cell Count', 'Cell Size', 'Line Style',
             'Color', 'Alpha', 'Plane', 'Offset'},
    'Image': IMAGE, 'PointCloud2': CLOUD, 'LaserScan': CLOUD,
    'TF': {'Show Names', 'Show Axes', 'Show Arrows', 'Marker Scale', 'Update Interval',
           'Frame Timeout'}}
TOPIC = {'Value': None, 'Depth': None, 'Filter size': None, 'History Policy': {'Keep Last'},
         'Reliability Policy': {'Best Effort', 'Reliable'}, 'Durability Policy': {'Volatile'}}


def test_rviz_knows_all_that_its_configuration_says():
    shown = yaml.safe_load((ROOT / 'config' / 'rviz' / 'depth.rviz').read_text())
    for display in shown['Visualization Manager']['Displays']:
        package, name = display['Class'].split('/')
        assert package == 'rviz_default_plugins'
        unknown = set(display) - DISPLAYS[name] - {'Class', 'Name', 'Enabled', 'Value'}
        assert not unknown, f'{display["Name"]}: {unknown}'
        assert display['Value'] == display['Enabled']
        for key, value in display.get('Topic', {}).items():
            assert TOPIC[key] is None or value in TOPIC[key], f'{display["Name"]}: {key}'
        if 'Topic' in display:  # large results do not arrive whole where nothing is sent again
            ours = display['Topic']['Value'] != '/left/image_rect'
            assert (display['Topic']['Reliability Policy'] == 'Reliable') == ours
    # without these RViz hides the docks with the images, or not, as it happens; and stacks them in
    # any order, each no larger than a stamp
    assert {'Hide Left Dock', 'Hide Right Dock', 'QMainWindow State'} <= set(
        shown['Window Geometry'])
    state = bytes.fromhex(shown['Window Geometry']['QMainWindow State'])
    docks = [state.index(name.encode('utf-16-be')) for name in ('Image', 'Disparity', 'Displays')]
    assert docks == sorted(docks)


def test_rviz_shows_messages_of_the_types_that_are_published():
    kinds = {'Image': 'sensor_msgs/msg/Image', 'PointCloud2': 'sensor_msgs/msg/PointCloud2',
             'LaserScan': 'sensor_msgs/msg/LaserScan'}
    shown = yaml.safe_load((ROOT / 'config' / 'rviz' / 'depth.rviz').read_text())
    published = {f'/{name}': kind for name, kind in OUTPUT_TYPES.items()} | {
        '/left/image_rect': 'sensor_msgs/msg/Image', '/disparity/image': 'sensor_msgs/msg/Image'}
    for display in shown['Visualization Manager']['Displays']:
        if 'Topic' in display:
            kind = kinds[display['Class'].split('/')[1]]
            assert published[display['Topic']['Value']] == kind, display['Name']


def test_the_dds_profile_does_not_keep_nodes_from_starting_on_small_kernels():
    root = ElementTree.parse(ROOT / 'config' / 'cyclonedds.xml').getroot()
    space = {'dds': 'https://cdds.io/config'}
    buffer = root.find('.//dds:SocketReceiveBufferSize', space)
    assert buffer is not None and buffer.get('min') is None and buffer.get('max') == '8MB'
    pieces = int(root.find('.//dds:FragmentSize', space).text.rstrip('B'))
    datagrams = int(root.find('.//dds:MaxMessageSize', space).text.rstrip('B'))
    assert pieces < datagrams < 65508  # what one UDP datagram can hold


def test_the_interface_package_lists_all_its_messages():
    listed = set(re.findall(r':msg/(\w+)\.msg"', (ROOT / 'msg' / 'CMakeLists.txt').read_text()))
    assert listed == {path.stem for path in (ROOT / 'msg').glob('*.msg')}
