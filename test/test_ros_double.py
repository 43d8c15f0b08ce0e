# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The double of ROS 2 offers nothing that the real one lacks; and both take the same messages."""

from __future__ import annotations

from array import array
from enum import Enum
from importlib import import_module
import inspect

from either_ros import REAL
import numpy as np
import pytest
import ros_double
from ros_double.messages import PACKAGES, modules_of

from depth_learning_ros.messages import OUTPUT_TYPES

needs_ros = pytest.mark.skipif(not REAL, reason='compares with the real ROS 2: source it')

MESSAGES = sorted({*OUTPUT_TYPES.values(), 'sensor_msgs/msg/CompressedImage',
                   'sensor_msgs/msg/PointField', 'sensor_msgs/msg/RegionOfInterest',
                   'std_msgs/msg/Header', 'builtin_interfaces/msg/Time', 'tf2_msgs/msg/TFMessage',
                   'geometry_msgs/msg/TransformStamped', 'diagnostic_msgs/msg/DiagnosticArray',
                   'diagnostic_msgs/msg/DiagnosticStatus', 'diagnostic_msgs/msg/KeyValue',
                   'rcl_interfaces/msg/ParameterDescriptor',
                   'rcl_interfaces/msg/SetParametersResult',
                   'rcl_interfaces/msg/FloatingPointRange', 'rcl_interfaces/msg/IntegerRange'})


def public(thing) -> list[str]:
    return [name for name in vars(thing) if not name.startswith('_')]


def names_of(module) -> list[str]:
    """What a module of the double offers: not what it imports from other libraries."""
    return [name for name in public(module)
            if getattr(getattr(module, name), '__module__', '') == module.__name__]


def parameters_of(function) -> set[str]:
    return {name for name, p in inspect.signature(function).parameters.items()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and name != 'self'}


def takes_as_much(real, double) -> bool:
    """Tell whether the real function has all the parameters that the double has."""
    try:
        accepted = inspect.signature(real).parameters
    except (TypeError, ValueError):  # native code
        return True
    if any(p.kind == p.VAR_KEYWORD for p in accepted.values()):
        return True
    return parameters_of(double) <= set(accepted)


@needs_ros
@pytest.mark.parametrize('name', ros_double.MODULES)
def test_every_name_is_a_real_one(name):
    double = import_module(f'ros_double.{name}')
    if name == 'cv_bridge':
        pytest.importorskip('cv_bridge')
    offered = names_of(double)
    assert offered
    real = import_module(name)
    for offer in offered:
        assert hasattr(real, offer), f'{name}.{offer}'
        mine, theirs = getattr(double, offer), getattr(real, offer)
        if inspect.isclass(mine):
            compare_classes(mine, theirs, f'{name}.{offer}')
        elif callable(mine):
            assert takes_as_much(theirs, mine), f'{name}.{offer}'


def compare_classes(mine, theirs, where: str) -> None:
    if issubclass(mine, Enum):
        for member in mine:
            assert hasattr(theirs, member.name), f'{where}.{member.name}'
        return
    for method in public(mine):
        assert hasattr(theirs, method), f'{where}.{method}'
        if inspect.isfunction(vars(mine)[method]):
            assert takes_as_much(getattr(theirs, method), vars(mine)[method]), f'{where}.{method}'
    if '__init__' in vars(mine):
        assert takes_as_much(theirs, mine), where


@needs_ros
def test_what_objects_of_the_double_have_the_real_ones_have():
    """Methods of objects that are never named: publishers, subscriptions, timers, guards."""
    import rclpy
    from rclpy.lifecycle import LifecycleNode
    from std_msgs.msg import Header
    rclpy.init()
    try:
        node = LifecycleNode('compared')
        real = {'_Publisher': node.create_publisher(Header, 'a', 1),
                '_Subscription': node.create_subscription(Header, 'a', print, 1),
                '_Guard': node.create_guard_condition(print), '_Context': node.context,
                '_Logger': node.get_logger()}
        doubles = {**vars(import_module('ros_double.rclpy.node')),
                   **vars(import_module('ros_double.rclpy.logging'))}
        for name, found in real.items():
            for method in public(doubles[name]):
                assert hasattr(found, method), f'{name}.{method}'
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


@needs_ros
@pytest.mark.parametrize('kind', MESSAGES)
def test_messages_have_the_same_fields(kind):
    package, _, name = kind.split('/')
    real = getattr(import_module(f'{package}.msg'), name)
    double = getattr(modules_of(package)[1], name)
    assert double.get_fields_and_field_types() == real.get_fields_and_field_types()
    for field in real.get_fields_and_field_types():
        mine, theirs = getattr(double(), field), getattr(real(), field)
        assert isinstance(mine, type(theirs)) or type(mine).__name__ == type(theirs).__name__, \
            field


def either(kind: str, double: bool):
    package, _, name = kind.split('/')
    if double:
        return getattr(modules_of(package)[1], name)
    return getattr(import_module(f'{package}.msg'), name)


@pytest.mark.parametrize('double', [True, pytest.param(False, marks=needs_ros)])
@pytest.mark.parametrize('kind, field, good, bad', [
    ('sensor_msgs/msg/Image', 'data', array('B', [1]), np.zeros(3, np.uint8)),
    ('sensor_msgs/msg/Image', 'height', 3, 3.0),
    ('sensor_msgs/msg/Image', 'encoding', 'rgb8', b'rgb8'),
    ('sensor_msgs/msg/LaserScan', 'ranges', array('f', [1.0]), np.zeros(3, np.float32)),
    ('sensor_msgs/msg/LaserScan', 'angle_min', 1.0, 1),
    ('sensor_msgs/msg/CameraInfo', 'k', np.zeros(9), np.zeros(8)),
    ('sensor_msgs/msg/CameraInfo', 'd', array('d', [1.0]), np.zeros(5)),
    ('diagnostic_msgs/msg/DiagnosticStatus', 'level', b'\x01', 1)])
def test_messages_refuse_the_same(kind, field, good, bad, double):
    message = either(kind, double)()
    setattr(message, field, good)
    with pytest.raises(AssertionError):
        setattr(message, field, bad)
    with pytest.raises(AssertionError):
        either(kind, double)(no_such_field=1)


def test_the_packages_are_there():
    assert all(modules_of(package)[1] for package in PACKAGES)
