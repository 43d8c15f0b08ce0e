# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The runner on a made-up GPU: whether the right numbers come out, and in the right order."""

from __future__ import annotations

from dataclasses import replace
import gc

from fake_cuda import FakeCuda
from fake_tensorrt import fake_tensorrt
import numpy as np
import pytest

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.cuda_driver import CudaDriver
from depth_learning_ros.engine.engine_file import (
    EngineFile,
    EngineIdentity,
    EngineRecord,
    Shapes,
)
from depth_learning_ros.engine.reference import Reference, fixed_pair
from depth_learning_ros.engine.tensorrt_engine import TensorRTEngine, this_platform
from depth_learning_ros.engine.tensorrt_library import Library, known_problems
from depth_learning_ros.errors import EngineError

INFO = EngineInfo('net', '', '', '', '')
ANY = Shapes((1, 8, 8), (1, 16, 32), (2, 64, 1280))


def identity(**changes) -> EngineIdentity:
    return replace(EngineIdentity('0' * 64, 'tensorrt', '10.9.0', 'Test GPU', ('8.9',), 'fp16',
                                  ('heads',), ANY, platform=this_platform()), **changes)


def reference() -> Reference:
    left, right = (image.astype(np.float32) for image in fixed_pair())
    return Reference(np.abs(left - right)[0, ..., 0], left[0, ..., 1] / 255)


def engine_file(plan: bytes = b'plan', **changes) -> EngineFile:
    record = EngineRecord({'model': 'net', 'inputs': '["left", "right"]',
                           'outputs': '["disparity", "confidence"]'}, reference().to_text())
    return EngineFile(identity(**changes), record, plan)


def open_engine(cuda: FakeCuda, file: EngineFile | None = None, **changes) -> TensorRTEngine:
    library = Library(fake_tensorrt(cuda, **changes), portable=False)
    return TensorRTEngine(library, file or engine_file(), INFO, driver=CudaDriver(cuda))


def images(seed: int, height: int = 16, width: int = 32, count: int = 1) -> dict:
    random = np.random.default_rng(seed)
    return {name: random.integers(0, 255, (count, height, width, 3), np.uint8)
            for name in ('left', 'right')}


def expected(inputs: dict) -> np.ndarray:
    return np.abs(inputs['left'].astype(np.float32) - inputs['right'])[..., 0]


@pytest.mark.parametrize('can_capture', [True, False])
def test_infer(can_capture):
    cuda = FakeCuda(can_capture=can_capture)
    with open_engine(cuda) as engine:
        for seed in range(4):
            given = images(seed)
            result = engine.infer(given)
            assert np.array_equal(result['disparity'], expected(given))
            assert np.allclose(result['confidence'], given['left'][..., 1] / 255)
        assert engine.session(16, 32).captured == can_capture
        assert cuda.launched == (4 if can_capture else 0)
        assert engine.info.precision == 'fp16'
        assert engine.info.device == 'Test GPU'
        assert engine.info.backend_version == '10.9.0'


def test_results_belong_to_the_caller():
    with open_engine(FakeCuda()) as engine:
        given = [images(seed) for seed in range(20)]
        results = [engine.infer(pair)['disparity'] for pair in given]
    gc.collect()
    for pair, result in zip(given, results, strict=True):
        assert np.array_equal(result, expected(pair))


def test_two_frames_in_flight_give_each_its_own_result():
    given = [images(seed) for seed in range(7)]
    with open_engine(FakeCuda()) as engine:
        results = list(engine.infer_ahead(given))
        assert len(results) == 7
        for pair, result in zip(given, results, strict=True):
            assert np.array_equal(result['disparity'], expected(pair))


def test_frames_in_flight_may_change_size():
    given = [images(1), images(2, 24, 40), images(3, 32, 48), images(4)]
    with open_engine(FakeCuda()) as engine:
        for pair, result in zip(given, engine.infer_ahead(given), strict=True):
            assert np.array_equal(result['disparity'], expected(pair))


def test_the_next_frame_is_uploaded_before_the_last_one_is_collected():
    cuda = FakeCuda()
    with open_engine(cuda) as engine:
        engine.prepare(16, 32)
        frames = engine.infer_ahead([images(1), images(2), images(3)])
        next(frames)
        assert cuda.launched == 2


def test_a_third_frame_in_flight_is_refused():
    with open_engine(FakeCuda()) as engine:
        session = engine.session(16, 32)
        session.submit(images(1))
        session.submit(images(2))
        with pytest.raises(EngineError, match='2 frames are in flight'):
            session.submit(images(3))


def test_batch_of_two():
    given = images(5, count=2)
    with open_engine(FakeCuda()) as engine:
        assert np.array_equal(engine.infer(given)['disparity'], expected(given))


def test_only_the_last_sizes_stay_and_closing_frees_all():
    cuda = FakeCuda()
    engine = open_engine(cuda)
    for width in (16, 24, 32, 40):
        engine.infer(images(1, 16, width))
    two_sizes = cuda.used()
    assert two_sizes == 2 * 16 * (32 + 40) * (3 + 3 + 4 + 4)
    engine.close()
    gc.collect()
    assert cuda.used() == 0
    assert not cuda.streams and not cuda.events and not cuda.graphs and not cuda.host_memory


def test_sizes_that_the_engine_was_not_built_for():
    with open_engine(FakeCuda()) as engine:
        with pytest.raises(EngineError, match=r'images are 32x100.*built for 8x8 to 2 of 1280x64'):
            engine.infer(images(1, 100, 32))


def test_out_of_memory_says_what_is_needed():
    cuda = FakeCuda(memory=100_000)
    with open_engine(cuda) as engine:
        with pytest.raises(EngineError, match=r'out of memory: 1280x64 needs 2 MB'):
            engine.infer(images(1, 64, 1280))
        assert cuda.used() == 0
        given = images(2)  # and a smaller one still works
        assert np.array_equal(engine.infer(given)['disparity'], expected(given))


def test_a_context_that_does_not_fit_says_what_is_free():
    cuda = FakeCuda(memory=1000)
    engine = open_engine(cuda)
    CudaDriver(cuda).allocate(900)
    with pytest.raises(EngineError, match=r'needs 7 MB of working memory.*--workspace'):
        engine.infer(images(1))


@pytest.mark.parametrize(('changes', 'words'), [
    ({'version': '10.8.0'}, r'built with tensorrt 10\.8\.0, installed is 10\.9\.0'),
    ({'library': 'tensorrt_rtx'}, 'built with tensorrt_rtx, this is tensorrt'),
    ({'compute_capabilities': ('8.6', '12.0')},
     r'compute capability 8\.6, 12\.0, the Test GPU has 8\.9'),
    ({'gpu': 'NVIDIA L4'}, 'built on a NVIDIA L4, this is a Test GPU'),
    ({'platform': 'linux-aarch64'}, 'built for linux-aarch64'),
])
def test_a_mismatch_is_refused_and_named(changes, words):
    with pytest.raises(EngineError, match=words):
        open_engine(FakeCuda(), engine_file(**changes))


def test_all_mismatches_are_named():
    with pytest.raises(EngineError) as caught:
        open_engine(FakeCuda(), engine_file(version='10.1.0', gpu='NVIDIA L4'))
    assert '10.1.0' in str(caught.value) and 'NVIDIA L4' in str(caught.value)


def test_bytes_that_are_no_engine():
    with pytest.raises(EngineError, match='cannot load this engine on the Test GPU: Magic tag'):
        open_engine(FakeCuda(), engine_file(b'garbage'))


def test_an_old_tensorrt_is_refused():
    with pytest.raises(EngineError, match=r'TensorRT 8\.6\.1 is too old'):
        open_engine(FakeCuda(), engine_file(version='8.6.1'), version='8.6.1')


def test_versions_known_to_be_wrong_are_named():
    assert 'flickers' in known_problems('tensorrt', '10.3.0.30')[0].problem
    assert known_problems('tensorrt', '10.9.0') == []
    assert known_problems('tensorrt_rtx', '10.3.0') == []
    assert known_problems('tensorrt', '10.13.3.post1')[0].first == (10, 13)


def test_wrong_inputs_are_refused():
    with open_engine(FakeCuda()) as engine:
        with pytest.raises(EngineError, match='missing'):
            engine.infer({'left': images(1)['left']})
        with pytest.raises(EngineError, match='float32'):
            engine.infer({name: image.astype(np.float32) for name, image in images(1).items()})
