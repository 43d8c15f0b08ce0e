# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest

from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.pipeline import DepthOptions
from depth_learning_ros.stream import MonoSettings, StereoSettings, table


@pytest.mark.parametrize('kind', [StereoSettings, MonoSettings])
def test_every_setting_says_what_it_is_for(kind):
    rows = table(kind)
    assert len({row.name for row in rows}) == len(rows) > 15
    for row in rows:
        assert row.about.endswith('.') and 10 < len(row.about) < 200, row
        assert row.checked(row.default) == row.default
        if isinstance(row.default, (int, float)) and not isinstance(row.default, bool):
            assert row.minimum <= row.default <= row.maximum, row


def test_defaults_are_those_of_a_replay():
    assert StereoSettings().depth_options == DepthOptions()
    assert StereoSettings().engine_choice['model'] == 'crl-small'


def test_names_of_stereo_image_proc():
    names = {row.name for row in table(StereoSettings)}
    assert names >= {'approximate_sync', 'approximate_sync_tolerance_seconds', 'queue_size',
                     'image_transport'}


def test_options_of_the_pipeline():
    options = StereoSettings(max_depth_m=8, left_right_check=True, point_stride=2,
                             scan_camera_pitch_rad=0.2).depth_options
    assert (options.max_depth_m, options.left_right_check, options.point_stride) == (8.0, True, 2)
    assert options.scan.pitch_rad == 0.2
    assert StereoSettings().depth_options.max_depth_m == math.inf


@pytest.mark.parametrize('changes, message', [
    ({'max_depth_m': -1.0}, 'max_depth_m is -1.0: expected 0 to'),
    ({'max_depth_m': math.nan}, 'max_depth_m is nan'),
    ({'min_depth_m': 5.0, 'max_depth_m': 4.0}, 'min_depth_m < max_depth_m'),
    ({'point_stride': 0}, 'point_stride is 0: expected 1 to 64'),
    ({'point_stride': True}, 'point_stride is True: expected a int'),
    ({'point_stride': 2.0}, r'point_stride is 2\.0: expected a int'),
    ({'outputs': ['disparity', 'cloud']}, "outputs is 'cloud': expected disparity"),
    ({'outputs': 'disparity'}, 'expected a list of texts'),
    ({'depth_encoding': 'mono16'}, 'expected 32FC1, 16UC1'),
    ({'scan_min_height_m': 3.0}, 'heights of the scan'),
    ({'modell': 'sgbm'}, 'no setting modell')])
def test_wrong_values_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        StereoSettings().changed(changes)


def test_an_impossible_baseline_is_refused():
    with pytest.raises(CalibrationError, match=r'0\.001'):
        StereoSettings(baseline_override_m=0.001)


def test_lists_and_whole_numbers_are_taken():
    changed = StereoSettings().changed({'outputs': ['depth'], 'min_depth_m': 1})
    assert changed.outputs == ('depth',) and changed.min_depth_m == 1.0
    assert isinstance(changed.min_depth_m, float)
