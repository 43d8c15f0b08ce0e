# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pseudo ground truth of one zoom, and the losses of all methods."""

import math
from pathlib import Path

from adaptation_parts import DISPARITY, Says, pair, small, views
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.photometric import (
    edge_aware_smoothness,
    photometric_loss,
    view_difference,
)
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.semi_global import match
from depth_learning_ros.adaptation.tonioni import (
    confident_labels,
    guided_loss,
    total_variation,
)
from depth_learning_ros.adaptation.zole import pseudo_ground_truth, target_loss
from depth_learning_ros.errors import ModelError, TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig


def test_pseudo_ground_truth_is_scaled_down_and_divided_by_the_zoom():
    left, right = views(pair(0))
    network = Says(lambda width: -10)
    for zoom, expected in ((1.0, -10), (2.0, -5), (1.25, -8), (0.5, -20)):
        found = pseudo_ground_truth(network, left, right, zoom)
        assert found.shape == (1, 1, 64, 128)
        assert found.unique().tolist() == [pytest.approx(expected)]
    assert network.widths == [128, 256, 160, 64]


def test_the_target_loss_is_l1_plus_lambda_times_the_form_by_pixel():
    left = torch.zeros(1, 3, 64, 64)
    s = torch.zeros(1, 1, 64, 64)
    s[..., 32:] = -1.0
    labels = torch.full((1, 1, 64, 64), -3.0)
    # |s - d|: 3 and 2; the finest scale counts 1 (training.losses.LATE)
    assert target_loss([[s]], left, labels, small(laplacian=0)).item() == pytest.approx(2.5)
    config = small(laplacian=0.5, patch_px=0, sigma=1.0, cut=9.0, disparity_scale=0.0)
    edges = 64 + 2 * 63  # over the step: level and both diagonals, each (0 - 1)^2
    expected = 2.5 + 0.5 * edges / 64 ** 2
    assert target_loss([[s]], left, labels, config).item() == pytest.approx(expected)


def test_unknown_labels_leave_only_the_laplacian():
    s = torch.full((1, 1, 64, 64), -4.0, requires_grad=True)
    labels = torch.full((1, 1, 64, 64), math.nan)
    loss = target_loss([[s]], torch.zeros(1, 3, 64, 64), labels, small())
    assert loss.item() == 0
    loss.backward()
    assert s.grad.abs().max() == 0


def test_the_matcher_finds_the_shift_and_is_sure_of_it():
    found = pair(1, width=192, height=96)
    assert np.nanmedian(match(found.left, found.right, 32)) == pytest.approx(DISPARITY, abs=0.1)
    labels, confidence = confident_labels(found.left, found.right)
    known = np.isfinite(labels)
    inner = known[16:-16, 32:-16]
    assert inner.mean() > 0.9
    assert np.nanmedian(labels) == pytest.approx(DISPARITY, abs=0.1)
    assert (confidence[16:-16, 32:-16][inner] > 0.65).mean() > 0.9
    assert confidence.min() >= 0 and confidence.max() <= 1 and (confidence[~known] == 0).all()


def test_the_guided_loss_counts_what_is_sure_alone():
    s = torch.full((1, 1, 4, 4), -5.0)
    labels = torch.full((1, 1, 4, 4), -7.0)
    labels[..., 0, :] = math.nan
    confidence = torch.full((1, 1, 4, 4), 0.8)
    confidence[..., 3, :] = 0.6  # below the threshold
    config = AdaptationConfig(method='tonioni', smoothness=0.0)
    # 8 of the 12 known pixels count: 8 * 0.8 * 2 / 12
    assert guided_loss([[s]], labels, confidence, config).item() == pytest.approx(12.8 / 12)
    steps = torch.tensor([[[[0.0, -1, -3]] * 2]])
    assert total_variation(steps).item() == pytest.approx(1.5)


def test_the_photometric_loss_is_least_at_the_true_disparity():
    left, right = views(pair(0))
    config = AdaptationConfig(method='photometric', smoothness=0.0)
    losses = {d: photometric_loss([[torch.full((1, 1, 64, 128), -float(d))]], left, right,
                                  config).item() for d in (0, 3, DISPARITY, 9)}
    assert min(losses, key=losses.get) == DISPARITY and losses[DISPARITY] < 0.005
    image = torch.rand(1, 3, 16, 16)
    assert view_difference(image, image).abs().max() < 1e-6


def test_smoothness_yields_at_edges_of_the_image():
    s = torch.zeros(1, 1, 8, 100)
    s[..., 50:] = -1.0
    edge = torch.zeros(1, 3, 8, 100)
    on_edge, on_plain = edge.clone(), edge
    on_edge[..., 50:] = 1.0
    plain = edge_aware_smoothness(s, on_plain).item()
    assert plain == pytest.approx(1 / 99)
    assert edge_aware_smoothness(s, on_edge).item() == pytest.approx(plain * math.exp(-10))


def test_a_network_of_another_kind_is_refused_by_name():
    info = CheckpointInfo('late', NetworkConfig('late', 'dispresnet'))
    with pytest.raises(ModelError, match='late is a dispresnet'):
        Predictor(torch.nn.Identity(), info)


@pytest.mark.parametrize('changes, message', [
    ({'method': 'magic'}, 'method is .magic.'), ({'zooms': []}, 'zooms is empty'),
    ({'zooms': [9.0]}, 'a zoom is 9'),
    ({'zooms': 1.5}, r'a list such as'), ({'zooms': ['big']}, 'a zoom is .big.'),
    ({'batch': 0}, 'batch is 0'), ({'batch': 1.5}, 'batch'),
    ({'crop_width': 100}, 'multiple of 64'), ({'steps': 0}, 'give one of them'),
    ({'minutes': 3}, 'give one of them'), ({'sigma': 0}, 'sigma is 0'), ({'lr': 1}, 'unknown'),
    ({'patch_px': 1}, 'patch_px is 1'), ({'labels': 'new'}, 'labels'), ({'seed': True}, 'seed')])
def test_settings_that_make_no_sense_are_refused_by_name(changes, message):
    with pytest.raises(TrainingError, match=message):
        AdaptationConfig.from_dict(changes)


SHIPPED = Path(__file__).parent.parent / 'config' / 'adaptation'


def test_the_shipped_settings_are_the_defaults():
    assert AdaptationConfig.read(SHIPPED / 'zole.yaml') == AdaptationConfig()


def test_the_settings_of_the_paper_add_nothing_to_it():
    paper = AdaptationConfig.read(SHIPPED / 'paper.yaml')
    assert paper.labels == 'renewed' and len(paper.zooms) == 1 and paper.average == 0
    assert not (paper.fill or paper.zoom_crops or paper.upside_down or paper.consistency_px)


def test_a_night_is_longer_and_renews_its_labels():
    night, usual = AdaptationConfig.read(SHIPPED / 'overnight.yaml'), AdaptationConfig()
    assert night.steps >= 10 * usual.steps and 0 < night.label_steps < night.steps
    assert night.scenes >= 10 * usual.scenes


def test_settings_come_from_yaml(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('method: tonioni\nzooms: [1, 2]\nlearning_rate: 1e-3\n')
    config = AdaptationConfig.read(path)
    assert config.learning_rate == 0.001  # YAML 1.1 takes 1e-3 for a text
    assert config.zooms == (1.0, 2.0) and config.synthetic_chance == 0.0
    assert AdaptationConfig().synthetic_chance > 0
    assert AdaptationConfig.from_dict(config.to_dict()) == config
    path.write_text('[]')
    with pytest.raises(TrainingError, match='holds no settings'):
        AdaptationConfig.read(path)


