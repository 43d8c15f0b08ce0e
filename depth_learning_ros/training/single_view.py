# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the training loop does differently for networks that are shown one image.

They learn from both views and, where it is known, from the disparity of both: rendered scenes
give all of it, a robot's own stereo logs give the views alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.data.synthetic.mono import BASELINE_M, FOCAL_SHARE
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import CalibrationError, DataError, TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.deep3d import Deep3D
from depth_learning_ros.models.monodepth import Monodepth
from depth_learning_ros.models.normalize import to_network_input
from depth_learning_ros.models.selection import expected_shift, seen_from_left
from depth_learning_ros.models.svs import SVS, SVSOutput, input_mean
from depth_learning_ros.training.config import StageConfig, TrainingConfig
from depth_learning_ros.training.losses import multiscale_l1, scale_weights
from depth_learning_ros.training.monodepth import monodepth_loss
from depth_learning_ros.training.pair_losses import agreement_loss, pair_loss
from depth_learning_ros.training.stereo import train_only
from depth_learning_ros.training.svs_losses import selection_loss, view_loss
from depth_learning_ros.training.view_samples import SCENE_SHARE, ViewSamples

#: A loss of one gray level weighs as much as this many pixels of disparity (SVS's files).
VIEW_WEIGHT = 0.01
# While the view is learned alone, beside a selection loss that begins at log(65) = 4.2.
VIEW_ALONE_WEIGHT = 0.05

# What must be known of some sample at least.
NEEDS = {'select': 'disparity_right', 'stereo': 'disparity', 'joint': 'disparity'}


class SingleViewTask:
    """Samples, losses and validation of networks of one image.

    Args:
        network: SVS, its view synthesis, Deep3D or Monodepth.
        config: of the network.
    """

    def __init__(self, network: nn.Module, config: NetworkConfig) -> None:
        self.network, self.config = network, config
        self.mean = input_mean(config)
        self.baseline_m = BASELINE_M

    def describe(self, info: CheckpointInfo, training: TrainingConfig,
                 sets: Sequence[StereoSource]) -> CheckpointInfo:
        """Add what a single-view weights file must say: its mean and its imagined camera."""
        camera = imagined_camera(self.config, training, sets)
        self.baseline_m = camera['virtual_baseline_m']
        return replace(info, mean_left=self.mean, mean_right=self.mean,
                       notes={**info.notes, **camera})

    def start(self, before: nn.Module) -> None:
        """Take over the weights of the same network, or CRL's first stage as the stereo part.

        Raises:
            TrainingError: they are another network's.
        """
        if isinstance(self.network, SVS) and hasattr(before, 'stage1'):
            take_stereo_part(self.network, before.get_submodule('stage1'))
            return
        try:
            self.network.load_state_dict(before.state_dict())
        except RuntimeError as error:
            raise TrainingError(
                f'start_from holds another network than {self.config.name}: give weights of the '
                f'same network, or for SVS a cascade whose first stage becomes its stereo part '
                f'({str(error).splitlines()[-1].strip()})') from error

    def parameters(self, stage: StageConfig) -> list[nn.Parameter]:
        """Freeze what the stage does not train.

        Raises:
            TrainingError: the network has no such part.
        """
        self.network.train()
        chosen: nn.Module = self.network
        if isinstance(self.network, SVS):
            parts = {'select': self.network.view, 'view': self.network.view,
                     'stereo': self.network.stereo,
                     'joint': self.network, 'pairs': self.network}
            if stage.train not in parts:
                raise TrainingError(f'train: {stage.train!r} is no part of {self.config.name}: '
                                    f'give one of {", ".join(parts)}')
            chosen = parts[stage.train]
        elif stage.train != 'view':
            raise TrainingError(f'train: {stage.train!r} needs a network with a stereo part, and '
                                f'{self.config.name} has none: give "view"')
        return train_only(self.network, chosen)

    def samples(self, training: TrainingConfig, sets: Sequence[StereoSource], stage: StageConfig,
                start: int) -> ViewSamples:
        """Give the samples of a stage from number ``start`` on.

        Raises:
            TrainingError: the stage learns from a disparity that nothing has.
        """
        wanted = NEEDS.get(stage.train)
        if wanted and training.scenes_weight == 0 and not any(
                getattr(scene, wanted) is not None for each in sets
                for scene in getattr(each, 'scenes', ())):
            raise TrainingError(
                f'train: {stage.train!r} learns from ground truth ({wanted}), which none of the '
                f'data has: pairs alone teach by how alike both views must look (train: pairs, or '
                f'view); for the rest take rendered scenes (scenes_weight) or a labelled set as '
                f'well')
        return ViewSamples(training, sets, stage.crop_height, stage.crop_width, start,
                           self.config.input_width)

    def loss(self, model: nn.Module, stage: StageConfig, batch: Sequence[Tensor],
             share: float) -> Tensor:
        """Give the loss of a batch as `ViewSamples` yields it."""
        left_bytes, right_bytes, truth, truth_right = batch
        left, right = (self.images(each) for each in (left_bytes, right_bytes))
        if isinstance(self.network, Monodepth):
            return monodepth_loss(model(left), left, right)
        if not isinstance(self.network, SVS):
            output = model(left)
            shifts = None if isinstance(self.network, Deep3D) else range(self.config.levels)
            loss = VIEW_ALONE_WEIGHT * view_loss(output.right, right)
            return loss + selection_loss(output.selection, truth_right, shifts)
        output = model(left, stage.train)
        if stage.train == 'stereo':
            return multiscale_l1(output.disparities, truth,
                                 scale_weights(share, len(output.disparities)))
        chosen = selection_loss(output.selection, truth_right, self.network.view.shifts)
        if stage.train == 'select':
            return chosen
        weight = VIEW_ALONE_WEIGHT if stage.train == 'view' else VIEW_WEIGHT
        loss = chosen + weight * view_loss(output.view, right)
        if stage.train in ('joint', 'pairs'):
            weights = scale_weights(share, len(output.disparities))
            loss = loss + multiscale_l1(output.disparities, truth, weights)
        if stage.train == 'pairs':
            loss = loss + self.loss_without_truth(output, left, right, truth)
        return loss

    def loss_without_truth(self, output: SVSOutput, left: Tensor, right: Tensor,
                           truth: Tensor) -> Tensor:
        """Give what the samples teach of which no disparity is known; 0 if there are none."""
        unknown = ~torch.isfinite(truth).flatten(1).any(1)
        if not bool(unknown.any()):
            return truth.new_zeros(())
        loss = pair_loss([d[unknown] for d in output.disparities], left[unknown], right[unknown])
        assert isinstance(self.network, SVS)
        right_disparity = expected_shift(output.selection[unknown].float(),
                                         self.network.view.shifts)
        right_disparity = right_disparity * (left.shape[3] // output.view.shape[3])
        size = right_disparity.shape[2:]
        own = F.interpolate(output.disparities[-1][unknown].float(), size, mode='area')
        return loss + agreement_loss(own, right_disparity, left.shape[3])

    def images(self, images: Tensor) -> Tensor:
        """Bring bytes (B, 3, H, W) to what the network sees."""
        return to_network_input(images, self.config, self.mean).contiguous(
            memory_format=torch.channels_last)

    @torch.no_grad()
    def validate(self, network: nn.Module, folder: Path, device: torch.device) -> dict[str, float]:
        """Give end-point error and D1 % on held-out rendered scenes.

        In the pixels of those scenes' own rig, whichever rig the network imagines.
        ``val_first`` is what the selection alone says, ``val`` the final disparity; for networks
        without a stereo part both are the same.
        """
        network.eval()
        pool = ScenePool(folder)
        sums: dict[str, list[float]] = {}
        for index in range(len(pool)):
            left, truth = self.validation_pair(pool[index])
            with torch.autocast(device.type, torch.bfloat16):
                output = network(self.images(left.to(device)))
            for name, value in self.errors(output, truth.to(device)).items():
                sums.setdefault(name, []).append(value)
        return {name: round(sum(values) / len(values), 3) for name, values in sums.items()}

    def validation_pair(self, scene: Mapping[str, np.ndarray]) -> tuple[Tensor, Tensor]:
        """Cut the middle of a scene and bring it to the network's size; bytes and truth."""
        height, width = self.config.input_height, self.config.input_width
        rows, columns = scene['disparity'].shape
        w = min(columns, round(columns / SCENE_SHARE))
        h = min(rows, round(w * height / width))
        y, x = (rows - h) // 2, (columns - w) // 2
        image = np.ascontiguousarray(scene['left'][:, y:y + h, x:x + w].transpose(1, 2, 0))
        truth = scene['disparity'][y:y + h, x:x + w].astype(np.float32)
        if (h, w) != (height, width):
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            truth = cv2.resize(truth, (width, height),
                               interpolation=cv2.INTER_NEAREST_EXACT) * (width / w)
        return (torch.from_numpy(image).permute(2, 0, 1)[None],
                torch.from_numpy(truth)[None, None])

    def errors(self, output: Any, truth: Tensor) -> dict[str, float]:
        """Give the errors of one output."""
        same_rig = BASELINE_M / self.baseline_m
        final = -output.disparities[-1].float()
        maps = {'val_': final, 'val_first_': final}
        if isinstance(self.network, SVS):
            shift = expected_shift(output.selection.float(), self.network.view.shifts)
            scale = truth.shape[-1] // shift.shape[-1]
            maps['val_first_'] = scale * seen_from_left(shift / scale)
        result = {}
        for name, disparity in maps.items():
            if disparity.shape != truth.shape:
                disparity = F.interpolate(disparity, truth.shape[2:], mode='bilinear')
            valid = torch.isfinite(truth)
            error = (disparity * same_rig - truth).abs()[valid]
            wrong = (error > 3) & (error > 0.05 * truth[valid])
            result[name + 'epe'] = float(error.mean())
            result[name + 'd1'] = 100 * float(wrong.float().mean())
        return result


def take_stereo_part(network: SVS, stage1: nn.Module) -> None:
    """Copy CRL's first stage; of a longer correlation the part that is within reach.

    Local matches (``NetworkConfig.local_match``) are left out: an imagined view has few.

    Raises:
        TrainingError: its layers are others than those of the stereo part.
    """
    own, theirs = network.stereo.state_dict(), stage1.state_dict()
    for name, value in own.items():
        source = theirs.get(name)
        if source is not None and name == 'conv3.weight' and source.shape != value.shape:
            # channel k compares with k - reach: a shorter reach has the last ones
            source = source[:, source.shape[1] - value.shape[1]:]
        if source is not None and name == 'decoder.iconv2.weight':
            # conv2, then what was matched around the disparity found so far, then the rest
            conv2 = own['conv2.weight'].shape[0]
            extra = source.shape[1] - value.shape[1]
            source = torch.cat([source[:, :conv2], source[:, conv2 + extra:]], 1)
        if source is None or source.shape != value.shape:
            raise TrainingError(f'the first stage in start_from has no layer {name} of shape '
                                f'{tuple(value.shape)}: it cannot become the stereo part of '
                                f'{network.config.name}')
        own[name] = source
    network.stereo.load_state_dict(own)


def imagined_camera(config: NetworkConfig, training: TrainingConfig,
                    sets: Sequence[StereoSource]) -> dict[str, Any]:
    """Give baseline and focal length of what is learned from, for the weights file.

    Raises:
        TrainingError: a log does not say them, or two differ by more than a tenth.
    """
    height, width = config.input_height, config.input_width
    rigs = [(BASELINE_M, FOCAL_SHARE)] if training.scenes_weight > 0 else []
    for each, source in zip(training.data, sets, strict=True):
        sample = source[0]
        try:
            camera = sample.camera
        except (CalibrationError, DataError) as error:
            raise TrainingError(f'the calibration of {each.root} cannot be used: {error}'
                                ) from error
        if camera is None:
            raise TrainingError(f'{each.root} does not say its baseline and focal length: put a '
                                f'calib.json with focal_px and baseline_m beside the images')
        rigs.append((camera.baseline_m, camera.focal_px / sample.left.shape[1]))
    reach = [rig[0] * rig[1] for rig in rigs]
    if max(reach) > 1.1 * min(reach):
        shown = ', '.join(f'{base:.3g} m x {share:.3g}' for base, share in rigs)
        raise TrainingError(
            f'what is learned from was taken by rigs that differ: {shown} (baseline x focal '
            f'length in widths). One network imagines one rig: train one for each, or leave '
            f'the rendered scenes out (scenes_weight: 0)')
    baseline, share = rigs[-1]
    return {'virtual_baseline_m': round(baseline, 6), 'focal_px': round(share * width, 3),
            'training_size': [height, width]}
