# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cascade Residual Learning (Pang et al., ICCV Workshops 2017): DispFulNet, then DispResNet."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.correlation import correlation_channels_last
from depth_learning_ros.models.dispnet import DispFulNet
from depth_learning_ros.models.layers import (
    ConvLReLU,
    DeconvLReLU,
    Upsample2x,
    conv,
    downsample,
    initialize,
    join,
    negative_relu,
)
from depth_learning_ros.models.warp import warp


class CascadeOutput(NamedTuple):
    """Disparities <= 0 of both stages, coarsest first, in full-resolution pixels.

    Attributes:
        first: (B, 1, h, w) at 1/64 .. 1/1.
        second: (B, 1, h, w) at 1/16 .. 1/1 of DispResNet's resolution, then the final one.
    """

    first: list[Tensor]
    second: list[Tensor]


class DispResNet(nn.Module):
    """Stage 2: corrects stage 1 by what the warped right image still gets wrong (section 3.2)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        reach = config.local_match
        if reach:
            self.match = ConvLReLU(3, c(64), 5)
        self.conv2 = ConvLReLU(13 + (2 * reach + 1 if reach else 0), c(64), 5)
        self.conv3 = ConvLReLU(c(64), c(128), 5, 2)
        self.conv3_1 = ConvLReLU(c(128), c(128), 3)
        self.conv4 = ConvLReLU(c(128), c(256), 3, 2)
        self.conv4_1 = ConvLReLU(c(256), c(256), 3)
        self.conv5 = ConvLReLU(c(256), c(512), 3, 2)
        self.conv5_1 = ConvLReLU(c(512), c(512), 3)
        self.conv6 = ConvLReLU(c(512), c(1024), 3, 2)
        self.conv6_1 = ConvLReLU(c(1024), c(1024), 3)
        self.residual16 = conv(c(1024), 1)
        self.deconv5 = DeconvLReLU(c(1024), c(512))
        self.upsample6to5 = Upsample2x()
        self.iconv5 = conv(2 * c(512) + 1, c(512))
        self.residual8 = conv(c(512), 1)
        self.deconv4 = DeconvLReLU(c(512), c(256))
        self.upsample5to4 = Upsample2x()
        self.iconv4 = conv(2 * c(256) + 1, c(256))
        self.residual4 = conv(c(256), 1)
        self.deconv3 = DeconvLReLU(c(256), c(128))
        self.upsample4to3 = Upsample2x()
        self.iconv3 = conv(2 * c(128) + 1, c(128))
        self.residual2 = conv(c(128), 1)
        self.deconv2 = DeconvLReLU(c(128), c(64))
        self.upsample3to2 = Upsample2x()
        self.residual1 = conv(2 * c(64) + 1, 1, 5)
        initialize(self)

    def refine(self, residual: Tensor, first: Tensor, factor: int) -> Tensor:
        """Add the residual to stage 1's disparity brought to that scale, values unscaled."""
        return negative_relu(residual + downsample(first, factor), self.training)

    def local_matches(self, left: Tensor, warped: Tensor) -> Tensor:
        """Compare with the warped image's surroundings; (B, 2 * local_match + 1, H, W) cosines.

        Where stage 1 is right the best match is the middle one; its place tells the error.
        """
        features = [F.normalize(self.match(image).permute(0, 2, 3, 1), dim=-1, eps=1e-3)
                    for image in (left, warped)]
        mean = correlation_channels_last(features[0], features[1], self.config.local_match)
        return (mean * features[0].shape[-1]).permute(0, 3, 1, 2)

    def forward(self, left: Tensor, right: Tensor, first: Tensor) -> list[Tensor]:
        """Give the refined disparities alone; see ``correct``."""
        return self.correct(left, right, first)[0]

    def correct(self, left: Tensor, right: Tensor, first: Tensor) -> tuple[list[Tensor], Tensor]:
        """Refine.

        Args:
            left, right: (B, 3, H, W) as stage 1 saw them, H and W multiples of 16.
            first: (B, 1, H, W), stage 1's disparity, <= 0, in pixels *of these images*.

        Returns:
            Refined disparities <= 0 at 1/16 .. 1/1, coarsest first, same unit as ``first``; and
            the correction, the last of them minus ``first``.
        """
        unit = self.config.unit_px
        warped = warp(right, first)
        error = left - warped  # signed, three channels
        d = first / unit
        feed = [d.to(left.dtype), left, right, warped, error]  # 13 channels
        if self.config.local_match:
            feed.append(self.local_matches(left, warped).to(left.dtype))

        conv2 = self.conv2(torch.cat(feed, 1))
        conv3_1 = self.conv3_1(self.conv3(conv2))  # (B, C, H/2, W/2)
        conv4_1 = self.conv4_1(self.conv4(conv3_1))  # (B, C, H/4, W/4)
        conv5_1 = self.conv5_1(self.conv5(conv4_1))  # (B, C, H/8, W/8)
        conv6_1 = self.conv6_1(self.conv6(conv5_1))  # (B, C, H/16, W/16)
        d16 = self.refine(self.residual16(conv6_1), d, 16)

        # the refined disparity is handed up, not the residual
        x = join(conv5_1, self.deconv5(conv6_1), self.upsample6to5(d16))
        x = self.iconv5(x)
        d8 = self.refine(self.residual8(x), d, 8)
        x = join(conv4_1, self.deconv4(x), self.upsample5to4(d8))
        x = self.iconv4(x)
        d4 = self.refine(self.residual4(x), d, 4)
        x = join(conv3_1, self.deconv3(x), self.upsample4to3(d4))
        x = self.iconv3(x)
        d2 = self.refine(self.residual2(x), d, 2)
        x = join(conv2, self.deconv2(x), self.upsample3to2(d2))
        residual = self.residual1(x)
        d1 = self.refine(residual, d, 1)
        # In low precision the difference of two large numbers would be a coarse one; this is the
        # same without taking it.
        correction = d1 - d if self.training else torch.minimum(residual, -d)
        return [unit * scale for scale in (d16, d8, d4, d2, d1)], unit * correction


class CRL(nn.Module):
    """The two-stage cascade."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stage1 = DispFulNet(config)
        self.stage2 = DispResNet(config)

    def forward(self, left: Tensor, right: Tensor, learn: str = 'both') -> CascadeOutput:
        """Run both stages on (B, 3, H, W) images, H and W multiples of 64.

        Args:
            learn: in training, ``first`` skips stage 2, and ``second`` gives stage 1 no gradient.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and learn != 'second'):
            first = self.stage1(left, right)
        if learn == 'first':
            return CascadeOutput(first, [])
        return CascadeOutput(first, self.second(left, right, first[-1]))

    def second(self, left: Tensor, right: Tensor, first: Tensor) -> list[Tensor]:
        """Run stage 2 at its resolution; the last one is at full resolution."""
        scale = self.config.second_stage_scale
        if scale == 1:
            return self.stage2(left, right, first)
        small = [F.avg_pool2d(x, scale) for x in (left, right, first)]
        refined, correction = self.stage2.correct(small[0], small[1], small[2] / scale)
        refined = [d * scale for d in refined]
        # keep stage 1's edges: only the correction is up-sampled, and added at full resolution
        correction = F.interpolate(correction * scale, scale_factor=float(scale),
                                   mode='bilinear', align_corners=False)
        return [*refined, negative_relu(first + correction, self.training)]
