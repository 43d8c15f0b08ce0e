# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Single View Stereo Matching (Luo et al., CVPR 2018): imagine the right view, then match."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.dispnet import DispFulNet
from depth_learning_ros.models.view_small import SmallViewSynthesis
from depth_learning_ros.models.view_synthesis import ViewOutput, ViewSynthesis, bilinear

LEARN = ('select', 'view', 'stereo', 'joint')


class SVSOutput(NamedTuple):
    """What single-view stereo gives.

    Attributes:
        disparities: (B, 1, h, w) <= 0 at 1/64 .. 1/1, coarsest first, in pixels of the input;
            empty where only the view was asked for.
        right: (B, 3, H, W), the imagined right view as the stereo part sees it.
        selection: (B, K, h, w), shares of each shift for the pixels of the right view, sum 1.
        view: the imagined right view at the resolution of the view-synthesis network, where its
            loss is taken; the same as ``right`` in svs-small.
    """

    disparities: list[Tensor]
    right: Tensor
    selection: Tensor
    view: Tensor


class SVS(nn.Module):
    """View synthesis and DispFulNet in one.

    The paper's (``trunk`` vgg16): the view is imagined at half the size of the input, 640 x 192,
    and doubled to 1280 x 384 by a learned deconvolution; BGR in 0..1, nothing subtracted.
    ``svs-small``: both parts work at the size of the input.
    """

    view: ViewSynthesis | SmallViewSynthesis

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        if config.trunk == 'vgg16':
            self.view = ViewSynthesis(config.halved())
            self.deconv_sm = nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3)
            self.deconv_sm.weight.data.copy_(bilinear(4))
            nn.init.zeros_(self.deconv_sm.bias)  # type: ignore[arg-type]
        else:
            self.view = SmallViewSynthesis(config)
        self.stereo = DispFulNet(config)

    def forward(self, left: Tensor, learn: str = 'joint') -> SVSOutput:
        """Give the disparity of (B, 3, H, W) images, H and W multiples of 64.

        Args:
            learn: in training, ``select`` stops at the selection (its views are the input),
                ``view`` skips the stereo part, and ``stereo`` gives the view no gradient.
        """
        if learn == 'select':
            return SVSOutput([], left, self.selection(left), left)
        with torch.set_grad_enabled(torch.is_grad_enabled() and learn != 'stereo'):
            imagined, right = self.imagine(left)
        disparities = [] if learn == 'view' else self.stereo(left, right)
        return SVSOutput(disparities, right, imagined.selection, imagined.right)

    def selection(self, left: Tensor) -> Tensor:
        """Give the selection alone: most of what imagining a view costs is making it."""
        if isinstance(self.view, SmallViewSynthesis):
            return self.view.select(left)
        return self.view.select(F.avg_pool2d(left, 2) * 255 - self.view.means)

    def imagine(self, left: Tensor) -> tuple[ViewOutput, Tensor]:
        """Give what the view-synthesis network gives, and the right view at full size."""
        if self.config.trunk != 'vgg16':
            view = self.view(left)
            return view, view.right
        view = self.view(F.avg_pool2d(left, 2))
        return view, self.deconv_sm(view.right)


def input_mean(config: NetworkConfig) -> tuple[float, float, float]:
    """Give what is subtracted from 0..1 images: nothing where VGG's means are subtracted inside.

    Belongs into ``CheckpointInfo.mean_left`` of single-view networks.
    """
    vgg = config.architecture in ('svs', 'viewsyn') and config.trunk == 'vgg16'
    return (0.0, 0.0, 0.0) if vgg else (0.5, 0.5, 0.5)
