# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real builds with TensorRT for RTX, which needs no GPU for them."""

from __future__ import annotations

from dataclasses import replace
import json

import pytest

rtx = pytest.importorskip('depth_learning_ros.engine.tensorrt_rtx_runner')
onnx = pytest.importorskip('onnx')
torch = pytest.importorskip('torch')

from fake_cuda import FakeCuda  # noqa: E402

from depth_learning_ros.engine import open_engine, tensorrt_build  # noqa: E402
from depth_learning_ros.engine.base import EngineInfo  # noqa: E402
from depth_learning_ros.engine.build import (  # noqa: E402
    BuildRequest,
    build_engine,
    identity_of,
    resolved,
    typed,
)
from depth_learning_ros.engine.cuda_driver import CudaDriver, Gpu, find_gpu  # noqa: E402
from depth_learning_ros.engine.engine_file import (  # noqa: E402
    Shapes,
    load_engine_file,
    sidecar_of,
)
from depth_learning_ros.engine.fast_graph import to_fast  # noqa: E402
from depth_learning_ros.engine.model_file import read_model_file  # noqa: E402
from depth_learning_ros.engine.sources import find_source  # noqa: E402
from depth_learning_ros.engine.tensorrt_build import BuildOptions, build_plan  # noqa: E402
from depth_learning_ros.engine.tensorrt_engine import TensorRTEngine  # noqa: E402
from depth_learning_ros.engine.typed_graph import (  # noqa: E402
    fix_sizes,
    serialized,
    type_graph,
    weight_bytes,
)
from depth_learning_ros.errors import EngineError  # noqa: E402

LIBRARY = rtx.LIBRARY
STATIC = Shapes((1, 64, 128), (1, 64, 128), (1, 64, 128))
PROFILE = Shapes((1, 64, 64), (1, 128, 256), (2, 256, 1280))
no_gpu = pytest.mark.skipif(find_gpu() is not None, reason='what happens without a GPU')


def silent(message: str) -> None:
    pass


@pytest.fixture(scope='module')
def small():
    """The shipped crl-small."""
    return read_model_file(find_source('crl-small').onnx)


@pytest.fixture(scope='module')
def full():
    """The graph of crl at full width, as the export writes it; 315 MB of random weights."""
    from depth_learning_ros.engine.export import trace
    from depth_learning_ros.engine.stereo_graph import StereoGraph
    from depth_learning_ros.models.registry import build_network
    graph = trace(StereoGraph(build_network('crl')).eval(), None, None)
    to_fast(graph)
    return graph


@pytest.fixture(scope='module')
def built(small):
    """crl-small in fp16 for a range of sizes and three kinds of GPU."""
    return build_engine(LIBRARY, small, BuildRequest('fp16', BuildOptions(
        PROFILE, ('8.6', '8.9', '12.0'))), silent)


@no_gpu
def test_crl_small_in_fp16_with_a_profile(built, small):
    assert built.identity.precision == 'fp16'
    assert built.identity.compute_capabilities == ('8.6', '8.9', '12.0')
    assert built.identity.library == 'tensorrt_rtx'
    assert built.identity.version == rtx.VERSION
    assert built.identity.onnx_sha256 == small.sha256
    assert built.identity.shapes == PROFILE
    assert built.identity.gpu == ''
    assert built.record.measured is None  # and nobody claims otherwise
    assert 0 < built.record.emulated.mean_px < 0.01
    assert built.record.emulated.p99_px < 0.1
    assert built.record.reference_by == 'PyTorch'
    assert len(built.plan) > 10_000_000
    layers = built.record.layers
    assert layers['convolution half GPU'] > layers['convolution float GPU'] > 0
    assert layers['matrix_multiply float GPU'] > 0


@no_gpu
def test_its_identity_is_read_back(built, tmp_path):
    path = tmp_path / 'small.engine'
    built.save(path)
    again = load_engine_file(path)
    assert again == built
    ada, hopper = (Gpu(name, capability, '13.0', 1, False)
                   for name, capability in (('RTX 4090', '8.9'), ('H100', '9.0')))
    here = again.identity.platform
    assert again.identity.obstacles('tensorrt_rtx', rtx.VERSION, ada, here) == []
    assert 'the H100 has 9.0' in again.identity.obstacles(
        'tensorrt_rtx', rtx.VERSION, hopper, here)[0]
    assert '1.0.0' in again.identity.obstacles('tensorrt_rtx', '1.0.0', ada, here)[0]


@no_gpu
def test_a_cut_engine_of_another_version_on_the_wrong_gpu(built, tmp_path):
    path = tmp_path / 'small.engine'
    built.save(path)
    path.write_bytes(built.plan[:-1000])
    with pytest.raises(EngineError, match='cut after'):
        open_engine(path)
    built.save(path, force=True)
    with pytest.raises(EngineError, match='no NVIDIA driver is installed here'):
        open_engine(path)
    with pytest.raises(EngineError, match=r'compute capability 8\.6, 8\.9, 12\.0, the Test GPU '
                                          r'has 9\.0.*build it again'):
        TensorRTEngine(LIBRARY, built, EngineInfo('n', '', '', '', ''),
                       driver=CudaDriver(FakeCuda(capability=(9, 0))))
    sidecar = json.loads(sidecar_of(path).read_text())
    sidecar['identity']['version'] = '1.0.0.1'
    sidecar_of(path).write_text(json.dumps(sidecar))
    with pytest.raises(EngineError, match=r'built with tensorrt_rtx 1\.0\.0\.1, installed is'):
        TensorRTEngine(LIBRARY, load_engine_file(path), EngineInfo('n', '', '', '', ''),
                       driver=CudaDriver(FakeCuda()))


@no_gpu
def test_the_real_library_refuses_what_it_cannot_load(built):
    """Ours is a made-up GPU: the library itself finds no driver, and must not crash us."""
    with pytest.raises(EngineError, match=r'cannot load this engine on the Test GPU: .*(invalid|'
                                          r'driver)'):
        TensorRTEngine(LIBRARY, built, EngineInfo('n', '', '', '', ''),
                       driver=CudaDriver(FakeCuda()))


@no_gpu
def test_engines_open_by_their_file_alone(built, tmp_path):
    path = tmp_path / 'small.engine'
    built.save(path)
    with pytest.raises(EngineError, match='built for the backend tensorrt-rtx, not openvino'):
        open_engine(path, backend='openvino')
    with pytest.raises(EngineError, match='built for the precision fp16, not fp32'):
        open_engine(path, precision='fp32')
    with pytest.raises(EngineError, match='there is no engine'):
        open_engine(tmp_path / 'other.engine')


@no_gpu
def test_crl_small_in_fp32_static(small):
    made = build_engine(LIBRARY, small, BuildRequest('fp32', BuildOptions(STATIC, ('8.9',))),
                        silent)
    assert made.identity.shapes.static
    assert made.identity.float32_parts == ()
    assert made.record.emulated is None  # the graph is the exported one
    assert made.record.reference_by.startswith('ONNX Runtime')
    assert made.record.expected().disparity.shape == (64, 128)
    assert not any(' half ' in name for name in made.record.layers)


@no_gpu
def test_turing_gets_more_float16(small):
    request = resolved(LIBRARY, BuildRequest('fp16', BuildOptions(STATIC, ('7.5',))), None)
    assert request.float32_parts == {'heads'}
    graph = typed(small, request)
    fix_sizes(graph, STATIC.best)
    plan = build_plan(LIBRARY, serialized(graph), request.options, silent)
    assert not any(name.startswith('matrix_multiply float') for name in plan.layers)
    with pytest.raises(EngineError, match='no float32 matrix product on Turing'):
        resolved(LIBRARY, BuildRequest('fp32', BuildOptions(STATIC, ('7.5',))), None)


def test_crl_at_full_width_in_fp32_static(full):
    graph = onnx.ModelProto()
    graph.CopyFrom(full)
    fix_sizes(graph, (1, 384, 1248))
    shapes = Shapes((1, 384, 1248), (1, 384, 1248), (1, 384, 1248))
    steps = []
    plan = build_plan(LIBRARY, serialized(graph), BuildOptions(shapes, ('8.6',)), silent,
                      lambda *step: steps.append(step))
    assert len(plan.data) > weight_bytes(graph) > 300_000_000
    assert plan.layers['convolution float GPU'] >= 47
    assert steps and steps[-1][0] == steps[-1][1]


def test_crl_at_full_width_in_fp16_with_a_profile(full):
    graph = onnx.ModelProto()
    graph.CopyFrom(full)
    type_graph(graph, 'fp16')
    shapes = Shapes((1, 64, 64), (1, 375, 1242), (1, 384, 1280))
    plan = build_plan(LIBRARY, serialized(graph), BuildOptions(shapes, ('8.9', '12.0')), silent)
    assert 150_000_000 < len(plan.data) < 250_000_000
    assert plan.layers['convolution half GPU'] >= 25


def test_too_little_workspace_says_so(small):
    request = BuildRequest('fp16', BuildOptions(Shapes(*[(1, 384, 640)] * 3), ('8.9',),
                                                workspace_mb=16))
    graph = typed(small, request)
    fix_sizes(graph, (1, 384, 640))
    with pytest.raises(EngineError, match=r'needs more than 16 MB.*allow more than --workspace '
                                          r'16'):
        build_plan(LIBRARY, serialized(graph), request.options, silent)


@pytest.mark.parametrize(('options', 'words'), [
    (BuildOptions(STATIC, ('9.9',)), r'cannot build for compute capability 9\.9: it knows 7\.5'),
    (BuildOptions(Shapes((1, 9, 9), (1, 8, 8), (1, 9, 9))), 'make no sense'),
    (BuildOptions(Shapes((0, 9, 9), (1, 9, 9), (1, 9, 9))), 'make no sense'),
])
def test_requests_that_make_no_sense(small, options, words):
    with pytest.raises(EngineError, match=words):
        build_engine(LIBRARY, small, BuildRequest('fp16', options), silent)


def test_int8_needs_ranges(small):
    with pytest.raises(EngineError, match='int8 needs images'):
        build_engine(LIBRARY, small, BuildRequest('int8', BuildOptions(STATIC)), silent)


def test_a_dla_core_that_is_not_there(small):
    request = BuildRequest('fp16', BuildOptions(STATIC, ('8.9',), dla_core=0))
    with pytest.raises(EngineError, match='no DLA core 0: this machine has 0'):
        build_plan(LIBRARY, serialized(typed(small, request)), request.options, silent)


def test_a_broken_network_is_refused_with_the_librarys_words():
    with pytest.raises(EngineError, match='cannot parse the network'):
        build_plan(LIBRARY, b'no network', BuildOptions(STATIC), silent)


@no_gpu
def test_the_other_tensorrt_needs_its_gpu(small):
    other = type('Other', (), {'portable': False, 'name': 'tensorrt', 'version': '10.9'})()
    with pytest.raises(EngineError, match='there is none here'):
        build_engine(other, small, BuildRequest('fp16', BuildOptions(STATIC)), silent)


def test_memory_that_runs_out_is_tried_again_with_less(monkeypatch):
    tried, told = [], []

    def attempt(library, graph, options, on_progress):
        tried.append(options.workspace_mb)
        if options.workspace_mb != 2048:
            library.logger.log('Severity.ERROR', 'Cuda failure: out of memory')
            return None
        return tensorrt_build.Plan(b'plan', 1.0)
    monkeypatch.setattr(tensorrt_build, '_attempt', attempt)
    assert build_plan(LIBRARY, b'', BuildOptions(STATIC), told.append).data == b'plan'
    assert tried == [None, 4096, 2048]
    assert told == ['not enough memory: building again with 4096 MB of workspace',
                    'not enough memory: building again with 2048 MB of workspace']


def test_memory_that_never_suffices(monkeypatch):
    def attempt(library, graph, options, on_progress):
        library.logger.log('Severity.ERROR', 'Cuda failure: out of memory')
    monkeypatch.setattr(tensorrt_build, '_attempt', attempt)
    with pytest.raises(EngineError, match='needs more than 64 MB of workspace, and the GPU has '
                                          'less than 128 MB free'):
        build_plan(LIBRARY, b'', BuildOptions(STATIC), silent)


def test_ctrl_c_stops_a_build(small):
    request = BuildRequest('fp16', BuildOptions(STATIC, ('8.9',)))
    graph = typed(small, request)
    fix_sizes(graph, STATIC.best)

    def stop(done, of):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        build_plan(LIBRARY, serialized(graph), request.options, silent, stop)


def test_everything_that_changes_an_engine_changes_its_identity(small):
    base = BuildRequest('fp16', BuildOptions(PROFILE, ('8.9',)))
    variants = [
        base, replace(base, precision='fp32'), replace(base, float32_parts=frozenset({'heads'})),
        replace(base, options=replace(base.options, shapes=STATIC)),
        replace(base, options=replace(base.options, compute_capabilities=('8.6',))),
        replace(base, options=replace(base.options, dla_core=0))]
    keys = [json.dumps(identity_of(LIBRARY, small, one, None).to_dict()) for one in variants]
    assert len(set(keys)) == len(variants)


@pytest.mark.gpu
def test_on_a_real_gpu():
    if find_gpu() is None:
        pytest.skip('there is no GPU')
    import numpy as np

    from depth_learning_ros.engine.reference import fixed_pair
    left, right = fixed_pair(375, 1242)
    frames = [{'left': np.roll(left, 40 * n, 2), 'right': np.roll(right, 40 * n, 2)}
              for n in range(4)]
    for precision, tolerance in (('fp32', 0.01), ('fp16', 0.1)):
        with open_engine('crl-small', backend='tensorrt-rtx', precision=precision) as engine:
            assert engine.info.error_px < tolerance
            one_by_one = [engine.infer(frame)['disparity'] for frame in frames]
            for ahead, alone in zip(engine.built.infer_ahead(frames), one_by_one, strict=True):
                assert np.array_equal(ahead['disparity'], alone)
            assert engine.built.session(375, 1242).captured
