# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What CRL's two stages hand to each other, watched with hooks."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip('torch')
import torch.nn.functional as F  # noqa: E402

from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.layers import downsample  # noqa: E402
from depth_learning_ros.models.registry import build_network  # noqa: E402
from depth_learning_ros.models.warp import warp  # noqa: E402

TINY = NetworkConfig(architecture='crl', width=1 / 64, channel_multiple=2, max_displacement=3)
HEIGHT, WIDTH = 64, 128


def build(**changes):
    torch.manual_seed(0)
    return build_network(replace(TINY, **changes)).eval()


def images(height=HEIGHT, width=WIDTH):
    torch.manual_seed(1)
    return torch.rand(1, 3, height, width) - 0.5, torch.rand(1, 3, height, width) - 0.5


def watch(module, seen, name):
    module.register_forward_hook(lambda m, inputs, output: seen.update({name: (inputs, output)}))


def silence(*layers):
    """Make convolutions give 0."""
    for layer in layers:
        for parameter in layer.parameters():
            torch.nn.init.zeros_(parameter)


def residuals(network):
    return [getattr(network, f'residual{n}') for n in (16, 8, 4, 2, 1)]


def test_scales_of_both_stages():
    out = build()(*images())
    assert [s.shape[-1] for s in out.first] == [2, 4, 8, 16, 32, 64, 128]
    assert [s.shape[-1] for s in out.second] == [8, 16, 32, 64, 128]
    assert all(s.max() <= 0 for s in out.first + out.second)


def test_feed_is_disparity_left_right_warped_and_signed_error():
    network = build()
    seen = {}
    watch(network.stage2.conv2, seen, 'conv2')
    left, right = images()
    out = network(left, right)
    (feed,), _ = seen['conv2']
    assert feed.shape == (1, 13, HEIGHT, WIDTH)
    first = out.first[-1]
    assert torch.equal(feed[:, :1], first) and first.min() < 0
    assert torch.equal(feed[:, 1:4], left)
    assert torch.equal(feed[:, 4:7], right)
    assert torch.equal(feed[:, 7:10], warp(right, first))
    assert torch.equal(feed[:, 10:], left - feed[:, 7:10])
    assert feed[:, 10:].min() < -0.1 and feed[:, 10:].max() > 0.1  # signed


def test_refined_disparity_is_handed_up_not_the_residual():
    network = build()
    seen = {}
    for name in ('upsample6to5', 'upsample5to4', 'upsample4to3', 'upsample3to2'):
        watch(getattr(network.stage2, name), seen, name)
    watch(network.stage2.residual16, seen, 'residual16')
    out = network(*images())
    handed_up = [seen[name][0][0] for name in
                 ('upsample6to5', 'upsample5to4', 'upsample4to3', 'upsample3to2')]
    for refined, up in zip(out.second[:4], handed_up, strict=True):
        assert torch.equal(refined, up)
    expected = (seen['residual16'][1] + downsample(out.first[-1], 16)).clamp(max=0)
    torch.testing.assert_close(out.second[0], expected)


def test_without_corrections_stage_1_comes_back_at_every_scale():
    network = build()
    silence(*residuals(network.stage2))
    out = network(*images())
    for scale, factor in zip(out.second, (16, 8, 4, 2, 1), strict=True):
        torch.testing.assert_close(scale, downsample(out.first[-1], factor))


def test_corrections_are_added_and_cut_at_zero():
    network = build()
    silence(*residuals(network.stage2))
    first = torch.full((1, 1, HEIGHT, WIDTH), -10.0)
    torch.nn.init.constant_(network.stage2.residual1.bias, -2.5)
    assert network.stage2(*images(), first)[-1].unique().tolist() == [-12.5]
    torch.nn.init.constant_(network.stage2.residual1.bias, 11.0)
    assert network.stage2(*images(), first)[-1].unique().tolist() == [0.0]


def test_last_convolution_is_5x5_over_three_inputs():
    network = build()
    seen = {}
    watch(network.stage2.residual1, seen, 'residual1')
    network(*images())
    last = network.stage2.residual1
    assert last.kernel_size == (5, 5) and type(last) is torch.nn.Conv2d
    assert seen['residual1'][0][0].shape == (1, 2 + 2 + 1, HEIGHT, WIDTH)


def test_joining_layers_keep_negative_values():
    network = build()
    seen = {}
    for name in ('iconv5', 'iconv4', 'iconv3'):
        watch(getattr(network.stage2, name), seen, name)
    watch(network.stage2.deconv4, seen, 'deconv4')
    network(*images())
    (x,), out = seen['iconv5']
    layer = network.stage2.iconv5
    torch.testing.assert_close(out, F.conv2d(x, layer.weight, layer.bias, padding=1))
    assert torch.equal(seen['deconv4'][0][0], out)


def test_unit_changes_the_scale_inside_only():
    plain, scaled = build(), build(unit_px=8.0)
    scaled.load_state_dict(plain.state_dict())
    first = torch.rand(1, 1, HEIGHT, WIDTH) * -20
    seen = {}
    watch(scaled.stage2.conv2, seen, 'conv2')
    silence(*residuals(scaled.stage2))
    result = scaled.stage2(*images(), first)
    torch.testing.assert_close(seen['conv2'][0][0][:, :1], first / 8)
    torch.testing.assert_close(result[-1], first)


def test_second_stage_at_half_resolution_sees_half_the_disparity():
    network = build(second_stage_scale=2)
    seen = {}
    correct = network.stage2.correct

    def watched(*inputs):
        output = correct(*inputs)
        seen['stage2'] = inputs, output[0]
        return output
    network.stage2.correct = watched
    left, right = images()
    out = network(left, right)
    (small_left, small_right, small_first), refined = seen['stage2']
    assert small_left.shape == small_right.shape == (1, 3, HEIGHT // 2, WIDTH // 2)
    torch.testing.assert_close(small_first, F.avg_pool2d(out.first[-1], 2) / 2)
    # scales 1/32 .. 1/2 of the image in full-resolution pixels, then the full-resolution result
    assert [s.shape[-1] for s in out.second] == [4, 8, 16, 32, 64, 128]
    for scale, raw in zip(out.second[:5], refined, strict=True):
        torch.testing.assert_close(scale, 2 * raw)


def test_half_resolution_keeps_the_edges_of_stage_1():
    network = build(second_stage_scale=2)
    silence(*residuals(network.stage2))
    out = network(*images())
    torch.testing.assert_close(out.second[-1], out.first[-1])


def test_correction_is_the_refined_disparity_minus_the_first():
    network = build()
    left, right = images()
    first = torch.rand(1, 1, HEIGHT, WIDTH) * -2  # small enough that some are corrected past zero
    torch.nn.init.normal_(network.stage2.residual1.bias, 0.5)
    refined, correction = network.stage2.correct(left, right, first)
    assert (refined[-1] == 0).any()
    torch.testing.assert_close(correction, refined[-1] - first)
    network.train()
    refined, correction = network.stage2.correct(left, right, first)
    torch.testing.assert_close(correction, refined[-1] - first)


def test_half_resolution_adds_the_correction_in_full_resolution_pixels():
    network = build(second_stage_scale=2)
    silence(*residuals(network.stage2))
    torch.nn.init.constant_(network.stage2.residual1.bias, -1.5)  # 1.5 px at half resolution
    left, right = images()
    first = torch.full((1, 1, HEIGHT, WIDTH), -10.0)
    torch.testing.assert_close(network.second(left, right, first)[-1],
                               torch.full((1, 1, HEIGHT, WIDTH), -13.0))


def test_half_resolution_finds_the_same_error_as_full():
    # a flat scene: right x = left x - 8 everywhere, so the error vanishes away from the border
    network = build(second_stage_scale=2)
    seen = {}
    watch(network.stage2.conv2, seen, 'conv2')
    texture = torch.rand(1, 3, HEIGHT, WIDTH + 8)
    left, right = texture[..., :WIDTH], texture[..., 8:]
    network.second(left, right, torch.full((1, 1, HEIGHT, WIDTH), -8.0))
    error = seen['conv2'][0][0][:, 10:]
    torch.testing.assert_close(error[..., 4:], torch.zeros_like(error[..., 4:]))


@pytest.mark.parametrize(('learn', 'first', 'second'), [
    ('first', True, False), ('second', False, True), ('both', True, True)])
def test_which_stage_learns(learn, first, second):
    network = build().train()
    out = network(*images(), learn=learn)
    scales = (out.first if first else []) + out.second
    sum(s.sum() for s in scales).backward()

    def learns(stage):
        return any(p.grad is not None and p.grad.any() for p in stage.parameters())
    assert (learns(network.stage1), learns(network.stage2)) == (first, second)
    assert bool(out.second) == second


def test_gradient_reaches_stage_1_through_the_warp():
    network = build().train()
    network(*images()).second[-1].sum().backward()
    assert network.stage1.decoder.predict0.weight.grad.any()


def test_a_batch_is_computed_pair_by_pair():
    network = build()
    left, right = images()
    both = network(torch.cat([left, right]), torch.cat([right, left])).second[-1]
    torch.testing.assert_close(both[:1], network(left, right).second[-1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both[1:], network(right, left).second[-1], atol=1e-5, rtol=1e-5)
