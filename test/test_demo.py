# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo from end to end: what a user gets, and what a user gets wrong."""

from contextlib import contextmanager
import json
import math

from bags import StereoBag, messages, write_bag, write_stereo_bag
import cv2
import numpy as np
import pytest

from depth_learning_ros.cli import main
from depth_learning_ros.data.images import read_image
from depth_learning_ros.demo.run import DemoOptions, run_demo
from depth_learning_ros.demo.scene import DemoScene
from depth_learning_ros.demo.sequence import write_sequence
from depth_learning_ros.errors import BagError, DataError, EngineError
from depth_learning_ros.replay.bag import Bag

ALL = ['cloud.html', 'cloud.png', 'comparison.png', 'input.mcap', 'output.mcap', 'panel.png',
       'report.json', 'table.txt']


class Silent:
    """Keeps what it is told."""

    def __init__(self):
        self.labels = []

    def say(self, message):
        pass

    @contextmanager
    def progress(self, label, unit):
        self.labels.append(label)
        yield lambda done, total: None


@pytest.fixture(scope='module')
def scene():
    return DemoScene(160, 96)


def demo(tmp_path, scene=None, **settings):
    reporter = Silent()
    settings = {'model': 'sgbm', 'output': tmp_path / 'demo', 'scene': scene, **settings}
    result = run_demo(DemoOptions(**settings), reporter)
    return result, reporter


def shown(folder):
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith('.'))


def test_rendered_drive(tmp_path, scene):
    result, reporter = demo(tmp_path, scene, frames=3)
    assert reporter.labels == ['rendering', 'sgbm', 'bm']
    assert shown(tmp_path / 'demo') == ALL == sorted(path.name for path in result.files)
    assert [row.model for row in result.rows] == ['sgbm', 'bm']
    for row in result.rows:
        assert (row.frames, row.backend, row.precision) == (3, 'opencv', 'int16')
        assert 0 < row.engine_ms < row.latency_ms <= row.latency_p95_ms
        assert 0 < row.frames_per_s
        assert 0.05 < row.epe_px < 1 and 0 <= row.d1_percent < 5
        assert 60 < row.density_percent < 99
    with Bag(tmp_path / 'demo/output.mcap') as bag:
        counts = {name: topic.count for name, topic in bag.topics.items()}
    for name in ('left/image_rect', 'right/image_rect', 'disparity', 'depth', 'points2'):
        assert counts[f'/camera/{name}'] == 3
    assert counts['/ground_truth/disparity'] == 3 and counts['/tf_static'] == 1
    text = (tmp_path / 'demo/table.txt').read_text()
    assert text == result.text and 'D1 %' in text and 'all frames' in text
    assert all(len(line) < 100 for line in text.splitlines())


def test_pictures_show_the_frame(tmp_path, scene):
    demo(tmp_path, scene, frames=2)
    panel = read_image(tmp_path / 'demo/panel.png')
    comparison = read_image(tmp_path / 'demo/comparison.png')
    # Two rows of two pictures, and three of them: image and truth, sgbm, bm.
    assert panel.shape[0] > 2 * 480 and comparison.shape[0] > 3 * 480
    left = cv2.resize(scene.frame(1).left, (800, 480), interpolation=cv2.INTER_CUBIC)
    assert np.abs(panel[36:516, 6:806].astype(int) - left).mean() < 3
    assert read_image(tmp_path / 'demo/cloud.png').std() > 5
    assert 'sgbm' in (tmp_path / 'demo/cloud.html').read_text()


def test_report_holds_the_figures(tmp_path, scene):
    result, _ = demo(tmp_path, scene, frames=2)
    report = json.loads((tmp_path / 'demo/report.json').read_text())
    assert report['rows'] == [row.to_dict() for row in result.rows]
    assert report['part']['frames'] == 2 and report['part']['max_from_truth']
    assert report['part']['max_disparity'] % 16 == 0
    assert [entry['frames'] for entry in report['replays']] == [2, 2]
    assert str(tmp_path) not in json.dumps(report)


def test_a_network_and_both_matchers(tmp_path, scene, tiny_model):
    result, _ = demo(tmp_path, scene, frames=2, model=str(tiny_model.onnx),
                            backend='onnxruntime', precision='fp32')
    assert [row.model for row in result.rows] == ['tiny', 'sgbm', 'bm']
    assert (result.rows[0].backend, result.rows[0].precision) == ('onnxruntime', 'fp32')
    # All but the pixels at infinity, which a disparity image cannot tell from unknown ones.
    assert result.rows[0].density_percent > 99
    assert result.text.splitlines()[1].startswith('tiny')
    with Bag(tmp_path / 'demo/output.mcap') as bag:
        assert bag.topics['/camera/confidence'].count == 2


def test_own_bag_without_truth(tmp_path):
    write_stereo_bag(tmp_path / 'bag', frames=4, width=96, height=64)
    result, reporter = demo(tmp_path, bag=tmp_path / 'bag', frames=2)
    assert reporter.labels == ['sgbm', 'bm']
    assert shown(tmp_path / 'demo') == [name for name in ALL if name != 'input.mcap']
    assert [row.frames for row in result.rows] == [2, 2]
    assert all(math.isnan(row.epe_px) for row in result.rows)
    assert 'EPE' not in result.text and 'the first 2 of 4 frames' in result.text
    assert '128 disparities' in result.text


def test_own_bag_with_truth_on_its_own_topic(tmp_path, scene):
    write_sequence(tmp_path / 'drive.mcap', 3, scene=scene)
    result, _ = demo(tmp_path, bag=tmp_path / 'drive.mcap', frames=0)
    assert [row.frames for row in result.rows] == [3, 3] and result.rows[0].has_truth
    result, _ = demo(tmp_path, bag=tmp_path / 'drive.mcap', truth_topic='/elsewhere', force=True,
                     max_disparity=40)
    assert not result.rows[0].has_truth and '48 disparities' in result.text


def test_ros1_bag(tmp_path):
    write_stereo_bag(tmp_path / 'old.bag', 'ros1', frames=2, width=96, height=64)
    result, _ = demo(tmp_path, bag=tmp_path / 'old.bag')
    assert [row.frames for row in result.rows] == [2, 2]


def test_second_run_replaces_the_first_and_nothing_else(tmp_path, scene):
    demo(tmp_path, scene, frames=1)
    with pytest.raises(DataError, match='--force'):
        demo(tmp_path, scene, frames=2)
    demo(tmp_path, scene, frames=2, force=True)
    assert json.loads((tmp_path / 'demo/report.json').read_text())['rows'][0]['frames'] == 2
    (tmp_path / 'demo/notes.txt').touch()
    with pytest.raises(DataError, match=r'notes\.txt'):
        demo(tmp_path, scene, frames=1, force=True)
    with pytest.raises(DataError, match='lies in the output folder'):
        demo(tmp_path, bag=tmp_path / 'demo/input.mcap', force=True)


def test_failing_run_leaves_nothing(tmp_path):
    bag = StereoBag(frames=3, width=96, height=64)
    write_bag(tmp_path / 'left', 'mcap', [m for m in messages(bag) if '/left/' in m.topic])
    with pytest.raises(BagError, match='no stereo pair'):
        demo(tmp_path, bag=tmp_path / 'left')
    uncalibrated = [m for m in messages(bag) if not m.topic.endswith('camera_info')]
    write_bag(tmp_path / 'raw', 'mcap', uncalibrated)
    with pytest.raises(BagError, match='camera_info'):
        demo(tmp_path, bag=tmp_path / 'raw')
    with pytest.raises(BagError, match='no bag at'):
        demo(tmp_path, bag=tmp_path / 'missing')
    with pytest.raises(EngineError, match='sgbm'):
        demo(tmp_path, model='sgmb')
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ['left', 'raw']


@pytest.mark.parametrize('settings, words', [
    ({'frames': -1}, '0 for all'), ({'frames': 1000}, 'at most 90'),
    ({'max_disparity': 0}, 'max_disparity is 0')])
def test_wrong_options(tmp_path, settings, words):
    with pytest.raises(DataError, match=words):
        DemoOptions(output=tmp_path, **settings)


def test_command(tmp_path, capsys):
    write_stereo_bag(tmp_path / 'bag', frames=2, width=96, height=64)
    arguments = ['demo', str(tmp_path / 'bag'), '-o', str(tmp_path / 'demo'), '--model', 'bm']
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('model') and f'{tmp_path}/demo/panel.png' in printed
    assert [line.split()[0] for line in printed.splitlines()[1:3]] == ['bm', 'sgbm']
    assert main(arguments) == 1
    assert '--force' in capsys.readouterr().err
    assert main(['demo', str(tmp_path / 'none'), '-o', str(tmp_path / 'other')]) == 1
    assert 'no bag at' in capsys.readouterr().err
    assert not (tmp_path / 'other').exists()
    assert main(['demo', '--frames', 'many']) == 2
