# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DispNetS, DispNetC (Mayer et al. 2016) and DispFulNet, stage 1 of CRL (Pang et al. 2017).

Layer by layer as in the authors' Caffe files; ``caffe_names`` maps them one to one. All
disparities inside are <= 0 and in pixels of the full resolution at every scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.correlation import correlation_channels_last, look_up
from depth_learning_ros.models.layers import (
    ConvLReLU,
    DeconvLReLU,
    Upsample2x,
    conv,
    initialize,
    join,
    negative_relu,
)

#: a map that joins the decoder, or what gives one once the prediction brought up to it is known
Skip = Tensor | Callable[[Tensor], Tensor]


class Matches(NamedTuple):
    """What comparing the two images gives.

    Attributes:
        conv1, conv2: features of the left image, at 1/2 and 1/4.
        volume: (B, H/4, W/4, K), the correlation.
        hints: (B, H/4, W/4, 2), expected disparity and sharpness, where the network has them.
        joined: input of conv3.
    """

    conv1: Tensor
    conv2: Tensor
    volume: Tensor
    hints: Tensor | None
    joined: Tensor


class Decoder(nn.Module):
    """From 1/64 up: at each scale predict, up-sample features and prediction, join the skip.

    The *raw* prediction is handed up, before its positive part is cut (deploy_kitti.prototxt).
    """

    def __init__(self, config: NetworkConfig, skips: list[int], features: list[int],
                 iconv: list[int]) -> None:
        """Set up.

        Args:
            skips: channels of the encoder maps, coarsest (1/64) first.
            features: channels of the deconvolutions.
            iconv: channels of the joining convolutions.
        """
        super().__init__()
        self.residual = config.residual_decoder
        self.scales = len(features)
        inputs = skips[0]
        self.predict6 = conv(inputs, 1)
        for level, skip, up, joined in zip(
                range(5, 5 - self.scales, -1), skips[1:], features, iconv, strict=True):
            self.add_module(f'deconv{level}', DeconvLReLU(inputs, up))
            self.add_module(f'upsample{level + 1}to{level}', Upsample2x())
            self.add_module(f'iconv{level}', conv(skip + up + 1, joined))
            self.add_module(f'predict{level}', conv(joined, 1))
            inputs = joined

    def forward(self, trunk: Tensor, skips: Sequence[Skip]) -> list[Tensor]:
        """Give the raw predictions, coarsest first; the skips are those from 1/32 up."""
        x = trunk
        predictions = [self.predict6(x)]
        for level, skip in zip(range(5, 5 - self.scales, -1), skips, strict=True):
            above = self.get_submodule(f'upsample{level + 1}to{level}')(predictions[-1])
            up = self.get_submodule(f'deconv{level}')(x)
            skip = skip(above) if callable(skip) else skip
            x = self.get_submodule(f'iconv{level}')(join(skip, up, above))
            prediction = self.get_submodule(f'predict{level}')(x)
            predictions.append(prediction + above if self.residual else prediction)
        return predictions


class _DispNet(nn.Module):
    """The trunk that all three share: conv3_1 at 1/8 down to conv6_1 at 1/64, and the decoder."""

    #: how many scales the decoder climbs: 5 ends at 1/2, 6 at full resolution
    climbs = 5
    #: channels that local matches add to the skip at 1/4
    extra = 0

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        self.conv3_1 = ConvLReLU(c(256), c(256), 3)
        self.conv4 = ConvLReLU(c(256), c(512), 3, 2)
        self.conv4_1 = ConvLReLU(c(512), c(512), 3)
        self.conv5 = ConvLReLU(c(512), c(512), 3, 2)
        self.conv5_1 = ConvLReLU(c(512), c(512), 3)
        self.conv6 = ConvLReLU(c(512), c(1024), 3, 2)
        self.conv6_1 = ConvLReLU(c(1024), c(1024), 3)
        skips = [c(1024), c(512), c(512), c(256), c(128) + self.extra, c(64), 3]
        skips = skips[:self.climbs + 1]
        features = [c(512), c(256), c(128), c(64), c(32), c(16)][:self.climbs]
        iconv = [c(512), c(256), c(128), c(64), c(32), c(32)][:self.climbs]
        self.decoder = Decoder(config, skips, features, iconv)

    def predict(self, conv3: Tensor, finer: Sequence[Skip]) -> list[Tensor]:
        """Run the trunk on conv3 (B, C, H/8, W/8); ``finer`` are the skips above, coarse first."""
        conv3_1 = self.conv3_1(conv3)
        conv4_1 = self.conv4_1(self.conv4(conv3_1))  # (B, C, H/16, W/16)
        conv5_1 = self.conv5_1(self.conv5(conv4_1))  # (B, C, H/32, W/32)
        conv6_1 = self.conv6_1(self.conv6(conv5_1))  # (B, C, H/64, W/64)
        raw = self.decoder(conv6_1, [conv5_1, conv4_1, conv3_1, *finer])
        return [negative_relu(p, self.training) * self.config.unit_px for p in raw]


class DispNetS(_DispNet):
    """The simple network: both images stacked, no correlation, finest prediction at 1/2."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        c = config.channels
        self.conv1 = ConvLReLU(6, c(64), 7, 2)
        self.conv2 = ConvLReLU(c(64), c(128), 5, 2)
        self.conv3 = ConvLReLU(c(128), c(256), 5, 2)
        initialize(self)

    def forward(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """Give disparities <= 0 at 1/64 .. 1/2, coarsest first; H and W multiples of 64."""
        conv1 = self.conv1(torch.cat([left, right], 1))  # (B, C, H/2, W/2)
        conv2 = self.conv2(conv1)  # (B, C, H/4, W/4)
        return self.predict(self.conv3(conv2), [conv2, conv1])


class DispNetC(_DispNet):
    """The correlation network: features of both images compared at 1/4 resolution."""

    def __init__(self, config: NetworkConfig) -> None:
        hints = 2 if config.match_hint else 0
        if config.local_match:
            self.extra = 2 * config.local_match + 1 + hints
        super().__init__(config)
        c = config.channels
        displacements = (2 if config.two_sided else 1) * config.max_displacement + 1
        self.conv1 = ConvLReLU(3, c(64), 7, 2)
        self.conv2 = ConvLReLU(c(64), c(128), 5, 2)
        self.conv_redir = ConvLReLU(c(128), c(64), 1)
        self.conv3 = ConvLReLU(displacements + c(64) + hints, c(256), 5, 2)
        if config.match_hint:
            self.log_sharpness = nn.Parameter(torch.tensor(3.0))
        initialize(self)

    def match(self, left: Tensor, right: Tensor) -> Matches:
        """Compare the features of both images."""
        conv1_left, conv1_right = self.conv1(left), self.conv1(right)  # (B, C, H/2, W/2)
        conv2_left, conv2_right = self.conv2(conv1_left), self.conv2(conv1_right)  # H/4, W/4
        # channels last up to the join: how runtimes keep features, so nothing is moved around
        features = [f.permute(0, 2, 3, 1) for f in (conv2_left, conv2_right)]
        gain = 1.0
        if self.config.normalize_features:
            features = [F.normalize(f, dim=-1, eps=1e-3) for f in features]
            gain = float(conv2_left.shape[1])  # the mean of products becomes the cosine
        corr = correlation_channels_last(
            features[0], features[1], self.config.max_displacement,
            two_sided=self.config.two_sided) * gain  # (B, H/4, W/4, K)
        hints = self.hint(corr) if self.config.match_hint else None
        joined = [corr, self.conv_redir(conv2_left).permute(0, 2, 3, 1)]
        if hints is not None:
            joined.append(hints)
        return Matches(conv1_left, conv2_left, corr, hints,
                       torch.cat(joined, -1).permute(0, 3, 1, 2))

    def quarter_skip(self, matches: Matches) -> Skip:
        """Give what joins the decoder at 1/4: conv2, and the matches near the prediction."""
        reach = self.config.local_match
        if not reach:
            return matches.conv2

        def look(above: Tensor) -> Tensor:
            shift = above.permute(0, 2, 3, 1) * (self.config.unit_px / 4)  # pixels at 1/4, <= 0
            near = [look_up(matches.volume, shift, reach, origin=self.config.max_displacement)]
            if matches.hints is not None:
                near.append(matches.hints)
            extra = torch.cat(near, -1).permute(0, 3, 1, 2)
            return torch.cat([matches.conv2, extra.to(matches.conv2.dtype)], 1)

        return look

    def hint(self, corr: Tensor) -> Tensor:
        """Expected disparity (network units) and sharpness of the match, (B, H/4, W/4, 2).

        Args:
            corr: (B, H/4, W/4, K).
        """
        share = torch.softmax(corr * self.log_sharpness.exp(), -1)
        reach = self.config.max_displacement
        shift = torch.arange(corr.shape[-1], device=corr.device, dtype=share.dtype) - reach
        expected = (share @ shift[:, None]) * (4 / self.config.unit_px)
        peak = share.amax(-1, keepdim=True)
        return torch.cat([expected, peak], -1).to(corr.dtype)

    def forward(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """Give disparities <= 0 at 1/64 .. 1/2, coarsest first; H and W multiples of 64."""
        matches = self.match(left, right)
        return self.predict(self.conv3(matches.joined),
                            [self.quarter_skip(matches), matches.conv1])


class DispFulNet(DispNetC):
    """DispNetC carried up to full resolution: stage 1 of CRL (section 3.1 of the paper)."""

    climbs = 6

    def forward(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """Give disparities <= 0 at 1/64 .. 1/1, coarsest first; H and W multiples of 64."""
        matches = self.match(left, right)
        return self.predict(self.conv3(matches.joined),
                            [self.quarter_skip(matches), matches.conv1, left])
