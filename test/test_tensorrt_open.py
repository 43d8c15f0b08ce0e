# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines from the cache: built once, measured always, built again for a reason that is told."""

from __future__ import annotations

from dataclasses import replace
import logging
import stat

from fake_cuda import FakeCuda
from fake_tensorrt import fake_tensorrt
import numpy as np
import pytest

pytest.importorskip('onnx')

from test_tensorrt_engine import engine_file, expected, images, reference

from depth_learning_ros.engine import growing_engine
from depth_learning_ros.engine.build import identity_of
from depth_learning_ros.engine.cache import EngineCache
from depth_learning_ros.engine.cuda_driver import CudaDriver
from depth_learning_ros.engine.engine_file import EngineRecord, Shapes
from depth_learning_ros.engine.growing_engine import (
    FIRST_SHAPES,
    GrowingEngine,
    grow,
    shapes_for,
)
from depth_learning_ros.engine.model_file import ModelFile
from depth_learning_ros.engine.tensorrt_library import Library
from depth_learning_ros.engine.tensorrt_open import open_engine_file
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.working_size import zoomed_size

METADATA = {'model': 'net', 'precision': 'fp32', 'size': '[null, null]',
            'inputs': '{"left": "", "right": ""}',
            'outputs': '{"disparity": "", "confidence": ""}'}


class World:
    """A machine with a GPU, a TensorRT and a cache, and a record of what was built."""

    def __init__(self, tmp_path, monkeypatch):
        self.cuda, self.tmp_path = FakeCuda(), tmp_path
        self.model = ModelFile(tmp_path / 'net.onnx', 'a' * 64,
                               {**METADATA, 'reference': reference().to_text()})
        self.built: list[Shapes] = []
        self.told: list[str] = []
        self.options: dict = {}
        monkeypatch.setattr(growing_engine, 'build_engine', self._build)

    def _build(self, library, model, request, on_message, on_progress=None, weights=None):
        self.built.append(request.options.shapes)
        record = EngineRecord(model.described(), reference().to_text())
        made = engine_file()
        return replace(made, record=record, plan=b'plan %d' % len(self.built),
                       identity=identity_of(library, model, request,
                                            CudaDriver(self.cuda).gpu()))

    def open(self, precision='fp16') -> GrowingEngine:
        library = Library(fake_tensorrt(self.cuda, **self.options), portable=False)
        return GrowingEngine(library, self.model, precision, EngineCache(self.tmp_path / 'cache'),
                             self.told.append, driver=CudaDriver(self.cuda))


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_built_once_then_from_the_cache(world):
    for _ in range(2):
        with world.open() as engine:
            given = images(1, 64, 96)
            assert np.array_equal(engine.infer(given)['disparity'], expected(given))
            assert engine.info.error_px == pytest.approx(0, abs=0.01)
            assert engine.info.backend == 'tensorrt'
    assert world.built == [FIRST_SHAPES]


@pytest.mark.parametrize('change', ['version', 'gpu', 'driver', 'precision', 'model'])
def test_whatever_changes_is_built_again(world, change):
    world.open().close()
    precision = 'fp16'
    if change == 'version':
        world.options = {'version': '10.10.0'}
    elif change == 'gpu':
        world.cuda.name = 'Another GPU'
    elif change == 'driver':
        world.cuda.driver = 13010
    elif change == 'model':
        world.model = replace(world.model, sha256='b' * 64)
    else:
        precision = 'fp32'
    world.open(precision).close()
    assert len(world.built) == 2


def test_larger_images_make_it_grow(world):
    with world.open() as engine:
        given = images(2, 1080, 70)  # higher than any image that it was built for
        assert np.array_equal(engine.infer(given)['disparity'], expected(given))
        small = images(3, 64, 96)
        assert np.array_equal(engine.infer(small)['disparity'], expected(small))
    assert world.built == [FIRST_SHAPES, grow(FIRST_SHAPES, (1, 1080, 70))]
    assert any('building one for' in text for text in world.told)


@pytest.mark.parametrize(('height', 'width'), [
    (480, 640), (375, 1242), (720, 1280), (480, 752), (480, 848), (540, 960)])
@pytest.mark.parametrize('zoom', [None, 1.0])
def test_usual_cameras_are_built_for_at_once(height, width, zoom):
    assert FIRST_SHAPES.hold((1, *zoomed_size(height, width, zoom)))


def test_shapes_for_cameras():
    # 480x640 is shown as 720x960 (1.5 is the most), 375x1242 as 549x1820 (a megapixel); up to
    # multiples of 64 the highest of them is 768 and the widest 1856
    assert shapes_for([(480, 640), (375, 1242)]) == Shapes(
        (1, 64, 64), (1, 549, 1820), (1, 768, 1856))
    # what has a megapixel stays as it is
    assert shapes_for([(1080, 1920)]) == Shapes((1, 64, 64), (1, 1080, 1920), (1, 1088, 1920))
    assert FIRST_SHAPES == Shapes((1, 64, 64), (1, 720, 1280), (1, 768, 1856))


def test_growing():
    grown = grow(Shapes((1, 64, 64), (1, 375, 1242), (1, 480, 1280)), (2, 720, 32))
    assert grown == Shapes((1, 64, 32), (2, 720, 32), (2, 720, 1280))


def test_an_engine_that_is_wrong_is_refused(world):
    world.options = {'wrong_by': 0.5, 'version': '10.3.0'}
    with pytest.raises(EngineError, match=r'wrong on the fixed pair: mean 0\.5 px.*known of this '
                                          r'version: .*flickers'):
        world.open()
    assert world.cuda.used() == 0


def test_nan_is_wrong(world):
    world.options = {'wrong_by': float('nan')}
    with pytest.raises(EngineError, match='wrong on the fixed pair'):
        world.open()


def test_damage_in_the_cache_is_built_again(world, caplog):
    world.open().close()
    blob = next((world.tmp_path / 'cache').glob('net-tensorrt-fp16*.bin'))
    blob.write_bytes(b'plan x')
    with caplog.at_level(logging.WARNING):
        world.open().close()
    assert len(world.built) == 2
    assert 'its bytes are damaged' in caplog.text


def test_a_cache_that_others_can_write_is_not_trusted(world, caplog):
    world.open().close()
    blob = next((world.tmp_path / 'cache').glob('net-tensorrt-fp16*.bin'))
    blob.chmod(blob.stat().st_mode | stat.S_IWOTH)
    with caplog.at_level(logging.WARNING):
        world.open().close()
    assert len(world.built) == 2
    assert 'can be written by every user' in caplog.text


def test_a_file_is_measured_on_the_gpu_that_opens_it(world):
    path = world.tmp_path / 'net.engine'
    engine_file().save(path)
    library = Library(fake_tensorrt(world.cuda), portable=False)
    cache = EngineCache(world.tmp_path / 'cache')

    def opened(library):
        return open_engine_file(path, lambda name: library, cache, world.told.append,
                                CudaDriver(world.cuda))
    with opened(library) as engine:
        assert engine.info.error_px < 0.01
    with opened(library):
        pass
    assert sum('measuring' in text for text in world.told) == 1
    world.cuda.driver = 13020  # a new driver compiles anew, so it is measured anew
    wrong = Library(fake_tensorrt(world.cuda, wrong_by=1.0), portable=False)
    with pytest.raises(EngineError, match='wrong on the fixed pair'):
        opened(wrong)
