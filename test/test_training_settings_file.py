# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings from a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import pytest

from depth_learning_ros.errors import TrainingError
from depth_learning_ros.training.settings_file import (
    check_range,
    read_settings,
    typed_settings,
)


@dataclass
class Settings:
    name: str = ''
    count: int = 1
    rate: float = 0.1
    active: bool = False
    start: str | None = None
    places: str | Sequence[str] = ()


def test_settings_are_given_by_name(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('method: zole  # a remark\nzooms: [1, 1.5]\n')
    assert read_settings(path, 'method: zole') == {'method': 'zole', 'zooms': [1, 1.5]}


@pytest.mark.parametrize('content, message', [
    (b'', 'holds no settings: expected "method: zole" and so on'), (b'[1, 2]', 'holds no'),
    (b'1: a', 'holds no'), (b'a: [1', 'cannot read'), (b'\xff\xfe\x00', 'cannot read'),
    (None, 'cannot read')])
def test_a_file_without_settings_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / 'wrong.yaml'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=message) as caught:
        read_settings(path, 'method: zole')
    assert 'wrong.yaml' in str(caught.value)


def test_values_become_what_their_fields_want(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('{name: a, count: 3, rate: 1e-3, active: true, start: null, places: [b]}')
    values = read_settings(path, 'name: a')
    assert values['rate'] == '1e-3'  # a text to YAML 1.1, which wants 1.0e-3
    assert typed_settings(Settings, values, 'settings') == {
        'name': 'a', 'count': 3, 'rate': 0.001, 'active': True, 'start': None, 'places': ['b']}
    assert type(typed_settings(Settings, {'rate': 1}, 'settings')['rate']) is float


@pytest.mark.parametrize('values, message', [
    ({'rat': 1}, r"unknown settings \['rat'\]: known are \['name', 'count'"),
    ({'rate': 'fast'}, "rate is 'fast': give a number"),
    ({'rate': True}, 'rate is True: give a number'),
    ({'rate': None}, 'rate is None: give a number'),
    ({'count': 2.5}, 'count is 2.5: give a whole number'),
    ({'count': '3'}, "count is '3': give a whole number"),
    ({'active': 1}, 'active is 1: give true or false'),
    ({'name': 5}, 'name is 5: give a text'),
    ({'start': [1]}, r'start is \[1\]: give a text')])
def test_values_of_another_type_are_named(values, message):
    with pytest.raises(TrainingError, match=message):
        typed_settings(Settings, values, 'settings')


@pytest.mark.parametrize('value', [-0.1, 1.1, math.nan, math.inf, 'a', None, True])
def test_ranges(value):
    check_range('share', 0, 0, 1)
    check_range('share', 1.0, 0, 1)
    with pytest.raises(TrainingError, match=r'share is .*: give 0 to 1'):
        check_range('share', value, 0, 1)
    with pytest.raises(TrainingError, match='count is -1: give 0 or more'):
        check_range('count', -1, 0)
