# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""adaptation_node: its services and what it hands over need a real ROS 2, its status does not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

from adaptation_parts import pair, small, write_scenes
from bags import StereoBag, write_stereo_bag
from either_ros import REAL
from node_parts import BAG, World
import pytest
from ros_double import messages as double
from rosbags.typesys import get_types_from_msg
import yaml

from depth_learning_ros.adaptation import online as online_module
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.models_in_use import Model, folder_of
from depth_learning_ros.adaptation.online_status import OnlineStatus, State
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.errors import DataError
from depth_learning_ros.nodes.adaptation_settings import SETTINGS
from depth_learning_ros.nodes.adaptation_status import status_message

ROOT = Path(__file__).parent.parent
needs_ros = pytest.mark.skipif(not REAL, reason='calls services: source ROS 2')


@pytest.fixture
def classes():
    """The interface package as the build makes it, out of its definitions."""
    for name in ('AdaptationScore', 'AdaptationStatus'):
        text = (ROOT / 'msg' / f'{name}.msg').read_text()
        found = get_types_from_msg(text, f'depth_learning_msgs/msg/{name}')
        double._STORE.register({kind: fields for kind, fields in found.items()
                                if kind not in double._STORE.fielddefs})
    return double.modules_of('depth_learning_msgs')[1]


def test_status(classes, tmp_path):
    buffer = ReplayBuffer(tmp_path, 10)
    for seed in range(5):
        buffer.offer(pair(seed))
    buffer.offer(pair(4))  # the same picture again
    figures = SimpleNamespace(frames=(1, 2), mean={
        'psnr': 20.0, 'ssim': 0.5, 'consistency': 0.25}.__getitem__, synthetic_epe=1.5)
    adapter = SimpleNamespace(
        buffer=buffer, config=small(), held_out_frames=1, status=OnlineStatus(
            State.TRAINING, 'step 2', 3, 2, 0.5, 10.0, 0.75, {'target': 1.5, 'synthetic': 0.25},
            Verdict(False, ('flat: as told',), figures, figures), 1, 2,
            Model('/models/adapted-0001.safetensors', 'abc'), 'crl-small'))
    stamp = double.message_class('builtin_interfaces/msg/Time')(sec=5, nanosec=6)
    message = status_message(adapter, stamp, 'left_optical', classes, 'nobody listens')
    assert (message.state, message.message) == (message.STATE_TRAINING, 'step 2; nobody listens')
    assert status_message(adapter, stamp, 'left_optical', classes).message == 'step 2'
    assert (message.method, message.round, message.step, message.steps) == ('zole', 3, 2, 4)
    assert (message.progress, message.seconds_left, message.loss) == (0.5, 10.0, 0.75)
    assert message.loss_names == ['target', 'synthetic']
    assert list(message.loss_values) == [1.5, 0.25]
    assert message.verdict == message.VERDICT_REJECTED and message.reasons == ['flat: as told']
    assert (message.after.frames, message.after.warped_ssim) == (2, 0.5)
    assert message.after.synthetic_epe_px == 1.5
    assert (message.rounds_accepted, message.rounds_rejected) == (1, 2)
    assert message.model == '/models/adapted-0001.safetensors'
    assert (message.model_sha256, message.rollback_model) == ('abc', 'crl-small')
    assert (message.buffer_frames, message.held_out_frames, message.buffer_capacity) == (4, 1, 10)
    assert (message.frames_seen, message.frames_skipped) == (6, 1)
    assert message.buffer_bytes > 5 * 128 * 64 * 6
    assert message.header.frame_id == 'left_optical' and message.header.stamp.sec == 5


def test_states_are_those_of_the_message(classes):
    for state in State:
        assert getattr(classes.AdaptationStatus, f'STATE_{state.name}') == state


def test_the_shipped_parameters_are_those_that_are_declared():
    values = yaml.safe_load((ROOT / 'config' / 'adaptation_node.yaml').read_text())
    assert values['/**']['ros__parameters'] == {
        row.name: list(row.default) if isinstance(row.default, tuple) else row.default
        for row in SETTINGS}
    for row in SETTINGS:
        assert row.about.endswith('.') and row.fixed and row.checked(row.default) == row.default


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def node(world, tmp_path, monkeypatch):
    """Open an adaptation node with a tiny network and a gate that accepts."""
    import torch

    from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
    from depth_learning_ros.models.config import NetworkConfig
    from depth_learning_ros.models.registry import build_network
    from depth_learning_ros.nodes import adaptation_node as module
    config = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                           two_sided=False, residual_decoder=True, unit_px=8.0,
                           second_stage_scale=2, channel_order='rgb')
    torch.manual_seed(0)
    save_checkpoint(tmp_path / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config, 'walls'))
    (tmp_path / 'round.yaml').write_text(yaml.safe_dump(
        {**small().to_dict(), 'zooms': [1.0], 'steps': 2, 'validate_steps': 1}))
    folders = write_scenes(tmp_path / 'learned', 2), write_scenes(tmp_path / 'held-out', 1)
    monkeypatch.setattr(module, 'scene_maker', lambda root: lambda *asked: folders)
    installed, install = [], module.AdaptationNode._install
    monkeypatch.setattr(module.AdaptationNode, '_install',
                        lambda self, path: installed.append(path))
    monkeypatch.setattr(online_module.Adapter, 'judge', lambda self, never_adapted=None: Verdict(
        True, (), self.validations[-1].figures, self.validations[-1].figures))

    def open_node(**changes):
        from rclpy.parameter import Parameter
        values = {'model': str(tmp_path / 'tiny.safetensors'), 'folder': str(tmp_path / 'kept'),
                  'config': str(tmp_path / 'round.yaml'), 'buffer_frames': 20,
                  'sample_period_s': 0.0, **changes}
        found = world.add(module.AdaptationNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()]))
        found.installed, found.install = installed, partial(install, found)
        return found

    return open_node


def call(world, name: str):
    from std_srvs.srv import Trigger
    client = world.outside.create_client(Trigger, f'/adaptation_node/{name}')
    assert world.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert world.spin_until(future.done)
    world.outside.destroy_client(client)
    return future.result()


@needs_ros
def test_it_learns_from_a_camera_and_hands_over_to_stereo_node(world, node):
    stereo = world.stereo_node(model='shift')
    adapting = node()
    world.camera(reliable=True)
    assert world.spin_until(lambda: world.cameras['left'].get_subscription_count() == 2)
    bag = BAG.__class__(width=128, height=64, disparity=6, period_ns=33_000_000)
    assert call(world, 'start').success
    assert not call(world, 'save').success  # nothing to be saved while it collects
    for index in range(12):
        world.send(index, bag=bag)
        assert world.spin_until(lambda: adapting.adapter.buffer.seen > index)  # noqa: B023
    assert world.spin_until(lambda: adapting.adapter.status.rounds_accepted == 1, 240.0), \
        adapting.adapter.status
    path = adapting.installed[0]
    assert world.spin_until(lambda: stereo.get_parameter('model').value == str(path))
    assert world.spin_until(lambda: stereo.stream.model.info.model == str(path))
    # stereo_node begins anew, with the model that it was started with
    world.executor.remove_node(stereo)
    stereo.destroy_node()
    world.nodes.remove(stereo)  # and is there again before anybody looked
    again = world.stereo_node(model='shift')
    assert world.spin_until(lambda: again.get_parameter('model').value == str(path))
    answer = call(world, 'rollback')
    assert answer.success and 'tiny.safetensors is the model to use' in answer.message
    assert world.spin_until(lambda: again.get_parameter('model').value.endswith(
        'tiny.safetensors'))
    assert not call(world, 'rollback').success
    assert call(world, 'stop').success


@needs_ros
def test_what_was_accepted_is_handed_over_after_a_restart(world, node, tmp_path):
    models = online_module.ModelsInUse(
        folder_of(tmp_path / 'kept' / 'models', str(tmp_path / 'tiny.safetensors')), 'unused')
    path = models.new_path()
    path.write_bytes((tmp_path / 'tiny.safetensors').read_bytes())
    models.accept(Model.of(path))
    node()
    stereo = world.stereo_node(model='shift')
    assert world.spin_until(lambda: stereo.get_parameter('model').value == str(path))


@needs_ros
def test_the_model_it_begins_with_is_the_targets_own_affair(world, node, tmp_path):
    stereo = world.stereo_node(model='shift')
    adapting = node()
    looked = []
    adapting.create_timer(0.1, lambda: looked.append(adapting._hand_over._look()))
    assert world.spin_until(lambda: len(looked) >= 20)
    assert stereo.get_parameter('model').value == 'shift'
    assert adapting._hand_over.trouble == ''


@needs_ros
def test_the_engine_is_built_as_the_target_runs_its_own(world, node, tmp_path, monkeypatch):
    from depth_learning_ros.nodes import adaptation_node as module
    asked = []
    monkeypatch.setattr(module, 'open_engine', lambda path, **options: asked.append(options))
    world.stereo_node(model='shift', zoom=1.25, cache_dir=str(tmp_path / 'of the target'))
    adapting = node(zoom=1.0, cache_dir=str(tmp_path / 'own'))
    assert world.spin_until(lambda: adapting._hand_over.engine)
    with pytest.raises(AttributeError):  # there is no engine to be prepared
        adapting.install(tmp_path / 'tiny.safetensors')
    assert asked == [{'backend': 'auto', 'precision': 'auto', 'zoom': 1.25,
                      'cache_dir': tmp_path / 'of the target'}]


@needs_ros
def test_it_learns_from_bags(world, node, tmp_path):
    write_stereo_bag(tmp_path / 'drive', 'mcap', StereoBag(frames=12, width=128, height=64))
    adapting = node(bags=[str(tmp_path / 'drive')], autostart=True)
    assert world.spin_until(lambda: adapting.adapter.status.rounds_accepted == 1, 240.0), \
        adapting.adapter.status
    assert adapting.adapter.buffer.seen == 12


@needs_ros
def test_bags_that_are_read_before_anybody_starts_it_are_told(world, node, tmp_path):
    write_stereo_bag(tmp_path / 'drive', 'mcap', StereoBag(frames=12, width=128, height=64))
    adapting = node(bags=[str(tmp_path / 'drive')])
    assert world.spin_until(lambda: adapting.adapter.status.message
                            == 'the bags are read; ~/start begins')
    assert adapting.adapter.status.state == State.STOPPED
    assert call(world, 'start').success
    assert world.spin_until(lambda: adapting.adapter.status.state == State.TRAINING, 120.0)


@needs_ros
def test_the_engine_is_built_for_the_images_of_the_camera(world, node, tmp_path, monkeypatch):
    from depth_learning_ros.nodes import adaptation_node as module
    prepared, open_engine = [], module.open_engine

    def open_and_watch(*args, **options):
        engine = open_engine(*args, **options)
        prepare = engine.prepare
        monkeypatch.setattr(engine, 'prepare', lambda height, width: prepared.append(
            (height, width, prepare(height, width))))
        return engine

    monkeypatch.setattr(module, 'open_engine', open_and_watch)
    adapting = node(cache_dir=str(tmp_path / 'engines'), zoom=1.0)
    for seed in range(6):
        adapting.adapter.offer(pair(seed))
    adapting.install(tmp_path / 'tiny.safetensors')
    height, width = pair(0).left.shape[:2]
    assert prepared == [(height, width, None)]
    assert list((tmp_path / 'engines').rglob('*')), 'for stereo_node to find'


@needs_ros
def test_two_nodes_do_not_learn_into_one_folder(world, node):
    first = node()
    with pytest.raises(DataError, match=r'another process is at work in .*kept'):
        node()
    world.executor.remove_node(first)
    world.nodes.remove(first)
    first.destroy_node()
    node()


@needs_ros
def test_nodes_of_two_names_keep_what_they_learn_apart(world, node, monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    assert node(folder='')._folder().parts[-2:] == ('adaptation', 'adaptation_node')


@needs_ros
def test_a_round_that_cannot_be_ended_in_time_is_told(world, node, monkeypatch):
    found = node()
    monkeypatch.setattr(found.adapter, 'close', lambda: False)
    world.executor.remove_node(found)
    world.nodes.remove(found)
    found.destroy_node()
    assert not found.stopped_in_time  # run_node then ends without the interpreter's help


@needs_ros
def test_weights_that_are_not_there_end_the_process_with_a_message(capfd):
    import rclpy

    from depth_learning_ros.nodes import adaptation_node as module
    assert not rclpy.ok()
    assert module.main(['--ros-args', '-p', 'model:=no-such-model', '-p', 'niceness:=0']) == 1
    assert 'no-such-model' in capfd.readouterr().err
