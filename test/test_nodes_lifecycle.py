# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Transitions of the nodes, and the process around them."""

from __future__ import annotations

from pathlib import Path
import threading
import time

from node_parts import TestedStereoNode, World
import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from stream_parts import PATIENCE_S, Models
import yaml

from depth_learning_ros.nodes.mono_node import MonoNode
from depth_learning_ros.nodes.run import run_node
from depth_learning_ros.nodes.stereo_node import StereoNode
from depth_learning_ros.stream import MonoSettings, StereoSettings, table

ROOT = Path(__file__).parent.parent
SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def met(world, node):
    if not world.cameras:
        world.camera()
        world.listen('disparity')
    world.meet(node)


def test_round_and_round(world):
    models = Models()
    node = world.stereo_node(models, start=False)
    for turn in range(3):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        met(world, node)
        world.feed(2 * turn)
        assert node.trigger_deactivate() == SUCCESS
        world.send(90)
        world.settle()
        assert node.trigger_activate() == SUCCESS
        world.feed(2 * turn + 1)
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        assert node.stream is None and models.opened[turn].closed
    assert len(world.received['disparity']) == 6
    assert node.stopped_in_time


def test_shutdown_from_every_state(world):
    models = Models()
    for steps in (0, 1, 2):
        node = world.stereo_node(models, start=False)
        for step in (node.trigger_configure, node.trigger_activate)[:steps]:
            assert step() == SUCCESS
        assert node.trigger_shutdown() == SUCCESS
        assert node.stream is None
    assert len(models.opened) == 2 and all(engine.closed for engine in models.opened)


def test_configuring_fails_without_a_model_and_can_be_tried_again(world):
    node = world.stereo_node(model='broken', start=False, autostart=False)
    assert node.trigger_configure() == FAILURE
    assert node.stream is None
    assert node.set_parameters([Parameter('model', value='shift')])[0].successful
    world.settle()
    assert node.stream is None  # nobody asked for it
    assert node.trigger_configure() == SUCCESS


def test_an_error_in_a_transition_leads_back_to_the_beginning(world, monkeypatch):
    node = world.stereo_node(start=False)

    def fail():
        raise RuntimeError('no subscriptions today')

    monkeypatch.setattr(node, '_subscribe', fail)
    assert node.trigger_configure() == TransitionCallbackReturn.ERROR
    assert 'no subscriptions today' in node._diagnose().summary
    monkeypatch.undo()
    assert node.start()


def test_parameters_set_before_configuring_count(world):
    node = world.stereo_node(start=False)
    assert node.set_parameters([Parameter('point_stride', value=4)])[0].successful
    assert node.start() and node.stream.settings.point_stride == 4


def test_a_node_ends_while_its_model_is_being_built(world):
    models = Models()
    models.go_on.clear()
    node = world.stereo_node(models, start=False)
    threading.Timer(0.4, rclpy.try_shutdown).start()
    begin = time.monotonic()
    assert not node.start()  # as soon as the process is told to end
    assert 'interrupted' in node._failure and time.monotonic() - begin < PATIENCE_S
    models.go_on.set()


@pytest.mark.parametrize('node, kind', [(StereoNode, StereoSettings), (MonoNode, MonoSettings)])
def test_the_shipped_parameters_are_those_that_are_declared(node, kind):
    name = {StereoNode: 'stereo_node', MonoNode: 'mono_node'}[node]
    values = yaml.safe_load((ROOT / 'config' / f'{name}.yaml').read_text())
    values = values['/**']['ros__parameters']
    assert values.pop('autostart') is True
    defaults = {row.name: list(row.default) if isinstance(row.default, tuple) else row.default
                for row in table(kind)}
    assert values == defaults
    assert {k: type(v) for k, v in values.items()} == {k: type(v) for k, v in defaults.items()}


def test_wrong_parameters_end_the_process_with_a_message(caplog, capfd):
    def make():
        return StereoNode(parameter_overrides=[Parameter('depth_encoding', value='mono8')])

    assert run_node(make, []) == 1
    assert "depth_encoding is 'mono8'" in caplog.text + capfd.readouterr().err


def test_a_process_runs_until_it_is_ended(world):
    models = Models()
    made = []

    def make():
        made.append(TestedStereoNode(models, parameter_overrides=[
            Parameter('model', value='shift')]))
        return made[0]

    world.close()
    threading.Timer(1.0, rclpy.try_shutdown).start()
    assert run_node(make, [], begin=TestedStereoNode.begin) == 0
    assert models.opened[0].closed and made[0].stopped_in_time
