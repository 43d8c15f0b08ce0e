# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model of a running stream is exchanged, fails, is damaged, or is no use."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stream_parts import BAG, PATIENCE_S, Models, drops, feed

from depth_learning_ros.errors import EngineError
from depth_learning_ros.stream.diagnosis import ERROR, WARN


def test_the_model_is_exchanged_between_frames(outlet, streams):
    models = Models()
    stream = streams(outlet, models, model='one')
    feed(stream, 0)
    stream.update({'model': 'two'})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 1)
    assert [engine.calls for engine in models.opened] == [1, 1]
    assert models.opened[0].closed and stream.settings.model == 'two'
    assert outlet.said('two runs on numpy in fp32') == 1



def test_frames_go_on_while_a_model_is_loaded(outlet, streams):
    models = Models()
    stream = streams(outlet, models, model='one')
    feed(stream, 0)
    models.hold_s = 0.5
    stream.update({'model': 'two'})
    feed(stream, 1, 2)
    assert models.opened[0].calls == 3 and not stream.model.wait(0.0)



@pytest.mark.parametrize('model', ['broken', 'garbage'])
def test_a_model_that_fails_changes_nothing(outlet, streams, model):
    models = Models()
    stream = streams(outlet, models, model='one')
    stream.update({'model': model})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 0)
    assert models.opened[0].calls == 1 and outlet.said(f'{model} cannot be used') == 1
    assert outlet.said('one goes on') == 1
    # the settings tell the truth again, and the transport can tell it too
    assert stream.settings.model == 'one' and outlet.reversions == [{'model': 'one'}]
    diagnosis = stream.diagnose()
    assert diagnosis.level == WARN and model in diagnosis.summary
    stream.update({'model': 'two'})
    assert stream.model.wait(PATIENCE_S)
    assert 'model' not in stream.said.present()



def test_without_a_model_it_waits_for_a_better_name(outlet, streams):
    stream = streams(outlet, model='broken')
    feed(stream, 0)
    assert outlet.published == [] and drops(stream) == {'no model is loaded yet': 1}
    diagnosis = stream.diagnose()
    assert diagnosis.level == ERROR and 'broken is damaged' in diagnosis.summary
    stream.update({'model': 'one'})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 1)
    assert 'disparity' in outlet.topics()



def test_a_threshold_that_the_model_cannot_serve_is_refused(outlet, streams):
    stream = streams(outlet, model='blind')
    with pytest.raises(EngineError, match='blind gives no confidence'):
        stream.update({'min_confidence': 0.5})
    assert stream.settings.min_confidence == 0
    feed(stream, 0, 1)
    assert 'confidence' not in outlet.topics()
    assert outlet.said('blind gives no confidence, so none is published') == 1



def test_a_model_file_that_is_not_there_is_refused_at_once(tmp_path, outlet):
    from depth_learning_ros.stream import StereoSettings, StereoStream
    stream = StereoStream(outlet, StereoSettings(model='sgbm'))
    try:
        with pytest.raises(EngineError, match='no model file'):
            stream.update({'model': str(tmp_path / 'none.onnx')})
        with pytest.raises(EngineError, match=r"did you mean 'sgbm'"):
            stream.update({'model': 'sgmb'})
        assert stream.settings.model == 'sgbm'
    finally:
        stream.close()



def test_a_model_file_that_was_replaced_is_loaded_when_named_again(outlet, streams, tmp_path):
    file, models = tmp_path / 'mine.onnx', Models()
    file.write_bytes(b'one')
    stream = streams(outlet, models, model=str(file))
    stream.update({'model': str(file)})
    stream.update({'point_stride': 2})
    assert stream.model.wait(PATIENCE_S) and len(models.opened) == 1
    file.write_bytes(b'another')
    stream.update({'point_stride': 1})
    assert stream.model.wait(PATIENCE_S) and len(models.opened) == 1
    stream.update({'model': str(file)})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 0)
    assert [engine.calls for engine in models.opened] == [0, 1]



def test_garbage_in_the_place_of_the_model_changes_nothing(outlet, streams, tiny_model, tmp_path):
    """With the real loader: the file of the running network is overwritten in place."""
    pytest.importorskip('onnxruntime')
    from depth_learning_ros.stream.model import open_as_chosen
    copied = tiny_model.copy_to(tmp_path)
    bag = replace(BAG, width=128, height=64)
    stream = streams(outlet, open_as_chosen, model=str(copied.onnx))
    feed(stream, 0, bag=bag)
    for file in (copied.onnx, copied.weights):
        size = file.stat().st_size
        with file.open('r+b') as opened:  # the same file, not one renamed into its place
            opened.write(b'garbage' * (size // 7))
            opened.truncate(size // 2)
    feed(stream, 1, bag=bag)
    assert outlet.topics().count('disparity') == 2, outlet.sayings
    stream.update({'model': str(copied.onnx)})
    assert stream.model.wait(PATIENCE_S)
    assert outlet.said('cannot be used') == 1 and outlet.said('goes on') == 1
    feed(stream, 2, bag=bag)
    assert outlet.topics().count('disparity') == 3
