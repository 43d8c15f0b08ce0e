# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What distinguishes one network from another; saved beside its weights, so they rebuild it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from depth_learning_ros.errors import ModelError

# Networks that are shown the left image alone.
SINGLE_VIEW = ('svs', 'viewsyn', 'deep3d', 'monodepth')


@dataclass(frozen=True)
class NetworkConfig:
    """A member of the DispNet / CRL / SVS family.

    The defaults are the papers' networks; everything else is a named variant.

    Attributes:
        name: what users call it, such as ``crl`` or ``crl-small``.
        architecture: ``dispnets``, ``dispnetc``, ``dispfulnet``, ``dispresnet`` or ``crl``; or
            of one image: ``svs``, ``viewsyn``, ``deep3d`` or ``monodepth``.
        width: factor on all channel counts.
        channel_multiple: scaled channel counts are rounded up to a multiple of this.
        max_displacement: reach of the correlation at 1/4 resolution, in pixels there.
        two_sided: correlate to both sides (2 * max_displacement + 1 channels, as the papers do)
            or only where a rectified pair can match (max_displacement + 1 channels).
        normalize_features: compare directions of the feature vectors (cosine) instead of their
            raw products; most of the step from synthetic to real images (DSMNet, 1911.13287).
        match_hint: also feed the decoder the expected displacement under a softmax over the
            correlation, so that it need not learn to read a disparity off channel numbers.
        residual_decoder: each scale predicts a correction to the up-sampled coarser prediction.
        local_match: compare the images again around the disparity found so far, up to so many
            pixels to either side: in stage 1's decoder at 1/4 (read from the correlation, as RAFT
            does, 2003.12039), and in DispResNet between the left and the warped right image (as
            PWC-Net does, 1709.02371). 0 = not at all (paper).
        unit_px: pixels per unit of disparity inside the network; about the typical disparity
            keeps it at the scale of the other activations.
        second_stage_scale: resolution of DispResNet, 1 = full (paper), 2 = half.
        channel_order: ``bgr`` (Caffe) or ``rgb``: the order of the input channels.
        levels: shifts among which the view synthesis of SVS and Deep3D chooses.
        trunk: of SVS's view synthesis: ``vgg16`` (paper) or ``small``, fully convolutional.
        batch_norm: normalise what SVS's branches take (the released net's first training phase).
        input_height, input_width: the size that fully connected layers are made for, or that the
            network was designed for; 0 = none.
    """

    name: str = 'crl'
    architecture: str = 'crl'
    width: float = 1.0
    channel_multiple: int = 1
    max_displacement: int = 40
    two_sided: bool = True
    normalize_features: bool = False
    match_hint: bool = False
    residual_decoder: bool = False
    local_match: int = 0
    unit_px: float = 1.0
    second_stage_scale: int = 1
    channel_order: str = 'bgr'
    levels: int = 65
    trunk: str = 'vgg16'
    batch_norm: bool = False
    input_height: int = 0
    input_width: int = 0

    def channels(self, count: int) -> int:
        """Scale a paper's channel count by the width, rounded up to ``channel_multiple``."""
        multiple = self.channel_multiple
        return max(multiple, -(-round(count * self.width) // multiple) * multiple)

    @property
    def size_multiple(self) -> int:
        """Images are padded to a multiple of this."""
        return 32 if self.architecture in ('viewsyn', 'deep3d') else 64

    @property
    def single_view(self) -> bool:
        """Whether the network is shown the left image alone."""
        return self.architecture in SINGLE_VIEW

    def halved(self) -> NetworkConfig:
        """Give the configuration of a part that works at half the size."""
        return replace(self, input_height=self.input_height // 2,
                       input_width=self.input_width // 2)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Rebuild a configuration that ``to_dict`` gave.

        Raises:
            ModelError: a key is unknown, so the file comes from a newer version.
        """
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ModelError(
                f'the network configuration has unknown settings {sorted(unknown)}: '
                f'it was written by a newer version of depth_learning_ros; upgrade')
        return cls(**values)
