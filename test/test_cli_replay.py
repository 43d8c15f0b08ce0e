# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from bags import StereoBag, write_stereo_bag
import pytest
from rosbags.rosbag2 import Reader

from depth_learning_ros.cli import main


@pytest.fixture
def bag(tmp_path) -> StereoBag:
    return write_stereo_bag(tmp_path / 'in', 'mcap', frames=4, width=96, height=48)


def replay(tmp_path, *options: str, source: str = 'in', output: str = 'out.mcap') -> int:
    return main(['replay', str(tmp_path / source), '-o', str(tmp_path / output),
                 '--model', 'bm', '--max-disparity', '16', *options])


def counts(path) -> dict[str, int]:
    with Reader(path) as reader:
        return {c.topic: c.msgcount for c in reader.connections}


def test_replay(tmp_path, bag, capsys):
    assert replay(tmp_path, '--json', str(tmp_path / 'report.json')) == 0
    found = counts(tmp_path / 'out.mcap')
    assert found['/stereo/points2'] == found['/stereo/left/image_rect'] == 4
    out = capsys.readouterr().out
    assert 'bm on opencv' in out and '4 frames in' in out and 'latency: median' in out
    assert '/stereo/left/image_rect with /stereo/right/image_rect, exact sync' in out
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['frames'] == 4 and report['messages'] == found


def test_options(tmp_path, bag):
    assert replay(tmp_path, '--outputs', 'depth,points2', '--no-input', '--every', '2',
                  '--start', '0.1', '--duration', '0.3', '--point-stride', '2', '--compression',
                  'zstd', '--baseline', '0.2', '--max-depth', '5',
                  '--left', '/stereo/left/image_rect', '--right', '/stereo/right/image_rect',
                  '--sync', 'exact') == 0
    assert counts(tmp_path / 'out.mcap') == {
        '/stereo/depth': 2, '/stereo/depth/camera_info': 2, '/stereo/camera_info': 2,
        '/stereo/points2': 2}
    assert replay(tmp_path, '--left-right-check', '--min-confidence', '0.5', output='2') == 0
    assert counts(tmp_path / '2')['/stereo/confidence'] == 4


@pytest.mark.parametrize('options', [
    ['--outputs', 'depht'], ['--outputs', ''], ['--every', '0'], ['--every', 'x'],
    ['--start', '-1'], ['--sync', 'no'], ['--tolerance', '-1'], ['--compression', 'gz'],
    ['--baseline', '100'], ['--point-stride', '0'], ['--max-depth', '-1']])
def test_usage_errors(tmp_path, bag, options, capsys):
    assert replay(tmp_path, *options) == 2
    assert capsys.readouterr().err.startswith('depth-learning replay: error: ')
    assert not (tmp_path / 'out.mcap').exists()


@pytest.mark.parametrize(('options', 'source', 'output', 'message'), [
    ([], 'missing', 'out.mcap', 'there is no bag at'),
    ([], 'in', 'no/out.mcap', 'mkdir -p'),
    ([], 'in', 'out.bag', 'written as MCAP'),
    (['--left', '/nothing'], 'in', 'out.mcap', '--left /nothing is not in the bag'),
    (['--start', '99'], 'in', 'out.mcap', 'only 0.3 s long'),
    (['--min-confidence', '0.5'], 'in', 'out.mcap', 'gives no confidence'),
])
def test_errors(tmp_path, bag, options, source, output, message, capsys):
    assert replay(tmp_path, *options, source=source, output=output) == 1
    err = capsys.readouterr().err
    assert err.startswith('depth-learning: error: ') and message in err
    assert not (tmp_path / output).exists()


def test_an_unknown_model_is_refused(tmp_path, bag, capsys):
    assert main(['replay', str(tmp_path / 'in'), '-o', str(tmp_path / 'out.mcap'),
                 '--model', 'crl-smal']) == 1
    assert 'crl-small' in capsys.readouterr().err
    assert not (tmp_path / 'out.mcap').exists()


def test_existing_output_needs_force(tmp_path, bag, capsys):
    (tmp_path / 'out.mcap').write_bytes(b'old')
    assert replay(tmp_path) == 1
    assert '--force' in capsys.readouterr().err
    assert (tmp_path / 'out.mcap').read_bytes() == b'old'
    assert replay(tmp_path, '--force') == 0
    (tmp_path / 'r.json').touch()
    assert replay(tmp_path, '--json', str(tmp_path / 'r.json'), output='new.mcap') == 1
    assert not (tmp_path / 'new.mcap').exists()


def test_a_cut_bag_keeps_its_frames_but_is_no_success(tmp_path, capsys):
    path = tmp_path / 'in.mcap'
    write_stereo_bag(path, 'mcap_file', frames=60, width=96, height=48)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    assert replay(tmp_path, source='in.mcap') == 1
    streams = capsys.readouterr()
    done = counts(tmp_path / 'out.mcap')['/stereo/depth']
    assert 25 <= done <= 31
    assert f'{done} frames in' in streams.out
    assert 'is damaged' in streams.err and f'holds the {done} frames before that' in streams.err
    assert replay(tmp_path, '--allow-truncated', source='in.mcap', output='2.mcap') == 0
    told = capsys.readouterr().err
    assert 'depth-learning: warning: ' in told and 'is damaged' in told
    assert 'error' not in told and '--allow-truncated' not in told


def test_drops_and_skips_are_told(tmp_path, capsys):
    bag = StereoBag(frames=6, width=96, height=48)
    lost = bag.stamp_ns(1) + bag.log_delay_ns
    bad = bag.stamp_ns(3) + bag.log_delay_ns

    def change(message):
        if message.topic == bag.topic('right') and message.log_time_ns == lost:
            return None
        if message.topic == bag.topic('left') and message.log_time_ns == bad:
            message.data.data = message.data.data[:99]
        return message

    write_stereo_bag(tmp_path / 'in', 'mcap', bag, change)
    assert replay(tmp_path) == 0
    out = capsys.readouterr().out
    assert 'dropped 1 of /stereo/left/image_rect: no partner with the same stamp; ' \
        'nearest image 100.0 ms away' in out
    assert 'skipped 1: left image: ' in out and 'truncated: 99 bytes' in out
    assert '4 frames in' in out


def test_help_explains(capsys):
    assert main(['replay', '--help']) == 0
    out = capsys.readouterr().out
    for text in ('rosbag2 folder', 'points2', '--allow-truncated', 'depth-learning replay drive'):
        assert text in out
