# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks that are shown enlarged images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from depth_learning_ros.engine import open_engine
from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo, checked_images
from depth_learning_ros.engine.zoom import ZoomedEngine, zoomed
from depth_learning_ros.errors import DataError, EngineError
from depth_learning_ros.models.working_size import WORKING_PIXELS, automatic_zoom, zoomed_size
from depth_learning_ros.stream.settings import StereoSettings

INFO = EngineInfo('fake', 'torch', '1', 'fp32', 'cpu')


class _Tenth(Engine):
    """Finds a disparity of a tenth of the width that it is shown."""

    def __init__(self, info: EngineInfo = INFO) -> None:
        self.info = info
        self.shown: list[tuple[int, int]] = []
        self.closed = False

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        images = checked_images(inputs, self.info)
        count, height, width = images['left'].shape[:3]
        self.shown.append((height, width))
        return {'disparity': np.full((count, height, width), width / 10, np.float32),
                'confidence': np.full((count, height, width), 0.5, np.float32)}

    def prepare(self, height: int, width: int) -> None:
        self.shown.append((height, width))

    def close(self) -> None:
        self.closed = True


def _pair(height: int, width: int, count: int = 1) -> dict[str, np.ndarray]:
    return {side: np.zeros((count, height, width, 3), np.uint8) for side in ('left', 'right')}


def test_disparity_is_in_pixels_of_the_images_that_were_given() -> None:
    engine = _Tenth()
    found = ZoomedEngine(engine, 1.5).infer(_pair(40, 60, count=2))
    assert engine.shown == [(60, 90)]
    assert found['disparity'].shape == found['confidence'].shape == (2, 40, 60)
    # 9 px of 90 are 6 of 60
    np.testing.assert_allclose(found['disparity'], 6.0, rtol=1e-6)
    np.testing.assert_allclose(found['confidence'], 0.5)
    assert found['disparity'].dtype == found['confidence'].dtype == np.float32


def test_scale_is_that_of_the_rounded_width() -> None:
    engine = _Tenth()
    found = ZoomedEngine(engine, 1.5).infer(_pair(33, 33))
    assert engine.shown == [(50, 50)]  # 49.5 rounded
    np.testing.assert_allclose(found['disparity'], 5.0 * 33 / 50, rtol=1e-6)


@pytest.mark.parametrize(('height', 'width', 'zoom'), [
    (1000, 1000, 1.0), (720, 1280, 1.0), (1080, 1920, 1.0), (200, 200, 1.5), (480, 640, 1.5),
    (500, 1000, 1.4142),  # the root of 2
])
def test_small_images_are_enlarged_by_themselves(height: int, width: int, zoom: float) -> None:
    assert automatic_zoom(height, width) == pytest.approx(zoom, abs=1e-4)
    work_height, work_width = zoomed_size(height, width, None)
    assert work_height * work_width <= max(WORKING_PIXELS * 1.01, height * width)


def test_large_images_pass_untouched() -> None:
    engine = _Tenth()
    with ZoomedEngine(engine, None) as opened:
        opened.prepare(720, 1280)
        opened.infer(_pair(720, 1280))
    assert engine.shown == [(720, 1280)] * 2 and engine.closed


def test_an_edge_stays_where_it_is() -> None:
    class Edge(_Tenth):
        def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
            found = super().infer(inputs)
            bright = inputs['left'][..., 0] > 127
            return {**found, 'disparity': np.where(bright, 20, 4).astype(np.float32)}

    pair = _pair(32, 64)
    pair['left'][:, :, 24:] = 255
    disparity = ZoomedEngine(Edge(), 2.0).infer(pair)['disparity'][0]
    np.testing.assert_allclose(disparity[:, :24], 2.0)
    np.testing.assert_allclose(disparity[:, 24:], 10.0)


@pytest.mark.parametrize('zoom', [0.0, -1.0, 0.2, 4.5, float('nan'), True, '2'])
def test_refuses_a_zoom_that_is_none(zoom: float) -> None:
    with pytest.raises(EngineError, match=r'give 0\.25 to 4'):
        ZoomedEngine(_Tenth(), zoom)


def test_what_is_not_zoomed() -> None:
    mono = _Tenth(replace(INFO, inputs=('left',)))
    matcher = _Tenth(replace(INFO, model='sgbm', backend='opencv'))
    fixed = _Tenth(replace(INFO, metadata={'size': '[40, 60]'}))
    for engine in (mono, matcher, fixed):
        assert zoomed(engine, None) is engine
    assert zoomed(_Tenth(), None).info.metadata['zoom'] == 'auto'
    plain = _Tenth()
    assert zoomed(plain, 1.0) is plain
    with pytest.raises(EngineError, match='fake is shown one image'):
        zoomed(mono, 1.5)
    with pytest.raises(EngineError, match='sgbm is a matcher'):
        zoomed(matcher, 1.5)
    # one size alone, and a camera of another that the factor brings to it
    assert zoomed(fixed, 2.0).infer(_pair(20, 30))['disparity'].shape == (1, 20, 30)
    with pytest.raises(EngineError, match='exported for the height 40'):
        zoomed(fixed, 1.5).infer(_pair(20, 30))


def test_names_the_bad_image_by_its_own_size() -> None:
    pair = _pair(20, 30)
    pair['right'] = pair['right'][:, :10]
    with pytest.raises(EngineError, match=r'right is \[1, 10, 30, 3\]'):
        ZoomedEngine(_Tenth(), 2.0).infer(pair)


def test_a_matcher_opens_without_a_zoom_alone() -> None:
    assert open_engine('bm').info.model == 'bm'
    with pytest.raises(EngineError, match='matcher'):
        open_engine('bm', zoom=2.0)


def test_setting_of_a_stream() -> None:
    assert StereoSettings(zoom=1.5).engine_choice['zoom'] == 1.5
    assert StereoSettings().engine_choice['zoom'] == 0.0  # automatic
    with pytest.raises(EngineError, match='zoom'):
        StereoSettings(zoom=0.1)
    with pytest.raises(DataError, match='zoom'):
        StereoSettings(zoom=9.0)
