# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.normalize import pad_to_multiple, to_network_input  # noqa: E402

RGB = NetworkConfig(channel_order='rgb')
BGR = NetworkConfig(channel_order='bgr')


def pixel(*values, dtype=torch.uint8):
    return torch.tensor(values, dtype=dtype).reshape(1, 3, 1, 1)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32, torch.float64])
def test_values_by_hand(dtype):
    result = to_network_input(pixel(0, 51, 255, dtype=dtype), RGB)
    assert result.dtype == (torch.float32 if dtype == torch.uint8 else dtype)
    assert result.flatten().tolist() == pytest.approx([-0.5, 0.2 - 0.5, 0.5])


def test_the_mean_is_in_the_networks_channel_order():
    result = to_network_input(pixel(0, 51, 255), BGR, (0.1, 0.2, 0.3))
    assert result.flatten().tolist() == pytest.approx([1 - 0.1, 0, -0.3], abs=1e-6)
    again = to_network_input(pixel(0, 51, 255), BGR, torch.tensor([0.1, 0.2, 0.3]))
    assert torch.equal(again, result)


def test_channels_last_is_the_same_thing():
    images = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    expected = pad_to_multiple(to_network_input(images, BGR, (0.1, 0.2, 0.3)), 4)
    last = to_network_input(images.permute(0, 2, 3, 1), BGR, (0.1, 0.2, 0.3), channels_last=True)
    last = pad_to_multiple(last, 4, channels_last=True)
    assert torch.equal(last.permute(0, 3, 1, 2), expected)


def test_padding_repeats_the_last_row_and_column():
    images = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert pad_to_multiple(images, 4)[0, 0].tolist() == [
        [0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert torch.equal(pad_to_multiple(images[..., :2], 2), images[..., :2])
