# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip('onnx')
ort = pytest.importorskip('onnxruntime')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from depth_learning_ros.engine.base import EngineInfo  # noqa: E402
from depth_learning_ros.engine.half_emulation import emulate_half  # noqa: E402
from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine  # noqa: E402
from depth_learning_ros.engine.quantize import (  # noqa: E402
    FEWEST_IMAGES,
    Ranges,
    calibrate,
    quantise,
    quantised,
)
from depth_learning_ros.engine.quantize_choice import choose_int8  # noqa: E402
from depth_learning_ros.engine.reference import fixed_pair  # noqa: E402
from depth_learning_ros.engine.typed_graph import (  # noqa: E402
    KEPT,
    PARTS,
    fix_sizes,
    is_head,
    load_graph,
    serialized,
    type_graph,
    weight_bytes,
)
from depth_learning_ros.errors import EngineError  # noqa: E402


def run(model, tmp_path, pair=None):
    file = tmp_path / 'graph.onnx'
    onnx.save_model(model, str(file))
    left, right = pair or fixed_pair(64, 256)
    with OnnxRuntimeEngine(file, EngineInfo('t', '', '', '', '')) as engine:
        return engine.infer({'left': left, 'right': right})['disparity']


def types_of(model):
    inferred = onnx.shape_inference.infer_shapes(model)
    return {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}


def tiny_graph(operation='Identity', values=(1.0,)):
    """A graph that casts its input to float16 and back."""
    nodes = [helper.make_node('Cast', ['x'], ['h'], to=TensorProto.FLOAT16),
             helper.make_node(operation, ['h'], ['g']),
             helper.make_node('Cast', ['g'], ['y'], to=TensorProto.FLOAT)]
    io = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(values)])
          for name in ('x', 'y')]
    graph = helper.make_graph(nodes, 'tiny', io[:1], io[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)


def test_emulation_rounds_as_float16_does():
    random = np.random.default_rng(0)
    values = np.concatenate([
        random.normal(0, 1, 2000), random.normal(0, 1000, 2000), [0, 1, -1, 65504, -65504, 65519],
        2048 + np.arange(10.0), [1 + 2 ** -11, 1 + 3 * 2 ** -11]]).astype(np.float32)
    model = tiny_graph(values=values)
    assert emulate_half(model) == 1
    session = ort.InferenceSession(model.SerializeToString())
    assert np.array_equal(session.run(None, {'x': values})[0],
                          values.astype(np.float16).astype(np.float32))


def test_emulation_overflows_as_float16_does():
    values = np.array([1e6, -1e6, 65536], np.float32)
    model = tiny_graph(values=values)
    emulate_half(model)
    session = ort.InferenceSession(model.SerializeToString())
    assert session.run(None, {'x': values})[0].tolist() == [np.inf, -np.inf, np.inf]


def test_the_trunk_is_float16_and_disparities_are_not(tiny_model):
    model = load_graph(tiny_model.onnx)
    heads = [node.output[0] for node in model.graph.node if is_head(node, model.graph)]
    count = type_graph(model, 'fp16')
    types = types_of(model)
    assert count > 40
    assert len(heads) >= 12
    assert all(types[name] == TensorProto.FLOAT for name in heads)
    trunk = [node for node in model.graph.node if node.op_type == 'Conv'
             and 'conv4_1' in node.input[1]]
    assert trunk and all(types[node.output[0]] == TensorProto.FLOAT16 for node in trunk)


def test_fp32_changes_nothing(tiny_model):
    model = load_graph(tiny_model.onnx)
    before = model.SerializeToString()
    assert type_graph(model, 'fp32') == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize('part', PARTS)
def test_each_part_can_go_to_float16(tiny_model, part, tmp_path):
    model = load_graph(tiny_model.onnx)
    exact = run(model, tmp_path)
    more = load_graph(tiny_model.onnx)
    assert type_graph(more, 'fp16', KEPT - {part}) > type_graph(model, 'fp16')
    onnx.checker.check_model(more)
    emulate_half(more)
    error = np.abs(run(more, tmp_path) - exact)
    assert 0 < error.mean() < 1


def test_float16_is_close(tiny_model, tmp_path):
    model = load_graph(tiny_model.onnx)
    exact = run(model, tmp_path)
    type_graph(model, 'fp16')
    assert emulate_half(model) > 40
    error = np.abs(run(model, tmp_path) - exact)
    assert 0 < error.mean() < 0.02


def test_unknown_parts_and_precisions_are_refused(tiny_model):
    model = load_graph(tiny_model.onnx)
    with pytest.raises(EngineError, match=r"no part 'head'.*correlation, heads, warp"):
        type_graph(model, 'fp16', {'head'})
    with pytest.raises(EngineError, match=r"cannot be typed 'int8'"):
        type_graph(model, 'int8')


def test_a_float16_export_is_refused(tiny_model, tmp_path):
    model = load_graph(tiny_model.onnx)
    for entry in model.metadata_props:
        if entry.key == 'precision':
            entry.value = 'fp16'
    onnx.save_model(model, str(tmp_path / 'half.onnx'))
    with pytest.raises(EngineError, match='exported in fp16: give the fp32 export'):
        load_graph(tmp_path / 'half.onnx')


def test_weights_are_inside_and_whole(tiny_model):
    model = load_graph(tiny_model.onnx)
    assert not any(tensor.data_location == TensorProto.EXTERNAL
                   for tensor in model.graph.initializer)
    full = weight_bytes(model)
    assert len(serialized(model)) > full
    type_graph(model, 'fp16')
    assert weight_bytes(model) < 0.7 * full


def test_sizes_can_be_fixed(tiny_model, tmp_path):
    model = load_graph(tiny_model.onnx)
    free = run(model, tmp_path, fixed_pair(70, 130))
    fix_sizes(model, (1, 70, 130))
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, 70, 130,
                                                                                      3]
    assert np.allclose(run(model, tmp_path, fixed_pair(70, 130)), free, atol=1e-3)


def frames(count=FEWEST_IMAGES):
    left, right = fixed_pair(64, 1280)
    for number in range(count):
        cut = slice(number * 64, number * 64 + 192)
        yield {'left': np.ascontiguousarray(left[:, :, cut]),
               'right': np.ascontiguousarray(right[:, :, cut])}


@pytest.fixture(scope='module')
def ranges(tiny_model):
    return calibrate(load_graph(tiny_model.onnx), frames())


def test_ranges_hold_every_input_of_a_quantised_convolution(tiny_model, ranges):
    model = load_graph(tiny_model.onnx)
    assert set(ranges.largest) == {node.input[0] for node in quantised(model.graph)}
    assert ranges.images == FEWEST_IMAGES
    assert all(value >= 0 for value in ranges.largest.values())


def test_too_few_images(tiny_model):
    with pytest.raises(EngineError, match=r'3 pairs of images are too few.*at least 8'):
        calibrate(load_graph(tiny_model.onnx), frames(3))


def test_quantised_weights_are_their_steps_times_their_scale(tiny_model, ranges):
    model = load_graph(tiny_model.onnx)
    before = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    type_graph(model, 'fp16')
    assert quantise(model, ranges) > 10
    after = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    name = next(key for key in after if key.endswith('conv4_1.weight.half.int8.steps'))
    stem = name.removesuffix('.steps')
    scale = after[f'{stem}.scale'].astype(np.float32)
    steps = after[name]
    assert steps.dtype == np.int8 and scale.shape == (steps.shape[0],)
    weight = before[stem.removesuffix('.half.int8')]
    assert np.abs(weight - steps * scale[:, None, None, None]).max() <= 0.51 * scale.max()
    assert np.abs(steps).reshape(len(steps), -1).max(1).min() >= 126  # the range is used up


def test_an_int8_graph_runs_and_is_near(tiny_model, ranges, tmp_path):
    model = load_graph(tiny_model.onnx)
    exact = run(model, tmp_path)
    type_graph(model, 'fp16')
    quantise(model, ranges)
    onnx.checker.check_model(model)
    emulate_half(model)
    error = np.abs(run(model, tmp_path) - exact)
    assert 0.001 < error.mean() < 5


def test_ranges_of_another_model_are_refused(tiny_model):
    model = load_graph(tiny_model.onnx)
    type_graph(model, 'fp16')
    with pytest.raises(EngineError, match='there is no range of'):
        quantise(model, Ranges({}, 8))


def test_a_budget_decides_how_much_is_int8(tiny_model, ranges, monkeypatch):
    from depth_learning_ros.engine import quantize_choice
    model = load_graph(tiny_model.onnx)

    # each int8 weight costs 0.01 px, but those of conv4 and conv5 a pixel each
    def cost(graph, frame):
        names = [t.name for t in graph.graph.initializer if t.name.endswith('.int8.steps')
                 and 'weight' in t.name]
        return np.full(9, sum(1.0 if 'conv4' in n or 'conv5' in n else 0.01 for n in names))
    monkeypatch.setattr(quantize_choice, '_run', cost)
    progress = []
    chosen = choose_int8(model, ranges, {}, 0.055, lambda *step: progress.append(step))
    everything = {node.input[1] for node in quantised(model.graph)}
    assert len(everything - chosen.kept) == 5
    assert {name for name in everything if 'conv4' in name or 'conv5' in name} <= chosen.kept
    assert progress[0][0] == 1 and progress[-1][0] <= progress[-1][1]
    assert chosen.sha256 != ranges.sha256
    with pytest.raises(EngineError, match=r'within 0\.005 px'):
        choose_int8(load_graph(tiny_model.onnx), ranges, {}, 0.005)
