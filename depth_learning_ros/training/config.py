# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run does: read from YAML, kept inside every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
import math
from pathlib import Path
from typing import Any

from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.training.augment import CameraFaults
from depth_learning_ros.training.settings_file import (
    check_range,
    read_settings,
    typed_settings,
)

SMALLEST = 1e-12  # of what must be more than 0
TRAINABLE = ('first', 'second', 'both', 'select', 'view', 'stereo', 'joint', 'pairs')


@dataclass(frozen=True)
class StageConfig:
    """One stage of a run; its length is given in minutes or in steps.

    Attributes:
        train: which part of a cascade learns: ``first`` (DispFulNet alone), ``second``
            (DispResNet, stage 1 frozen) or ``both``. Single networks: ``first``. Networks of one
            image: ``view`` (the view synthesis, or all of a network without a stereo part), and
            of SVS also ``select`` (the view synthesis by the true disparity alone, several times
            as fast), ``stereo`` (the stereo part, on views as imagined), ``joint`` (all) and
            ``pairs`` (all, of pairs without ground truth as well, by how the views look).
        minutes, steps: length; the one that is not 0 counts.
        learning_rate: peak; warm-up over ``warmup`` of the stage, then cosine decay to 0.
        batch, crop_height, crop_width: of a step.
    """

    train: str = 'first'
    minutes: float = 0.0
    steps: int = 0
    learning_rate: float = 5e-4
    warmup: float = 0.02
    batch: int = 8
    crop_height: int = 256
    crop_width: int = 512

    def __post_init__(self) -> None:
        if self.train not in TRAINABLE:
            raise TrainingError(f'train: {self.train!r} is unknown: give one of {TRAINABLE}')
        if (self.minutes > 0) == (self.steps > 0):
            raise TrainingError(
                f'a stage has minutes: {self.minutes} and steps: {self.steps}: give one of them')
        check_range('minutes', self.minutes, 0)
        check_range('learning_rate', self.learning_rate, SMALLEST)
        check_range('warmup', self.warmup, 0, 0.99)
        check_range('batch', self.batch, 1)
        for name in ('crop_height', 'crop_width'):
            value = getattr(self, name)
            if value <= 0 or value % 64:
                raise TrainingError(f'{name} is {value}: give a multiple of 64')


@dataclass(frozen=True)
class DataConfig:
    """A data set to learn from, beside or instead of rendered scenes.

    In YAML::

        scenes_weight: 3          # three of four samples are rendered scenes
        data:
          - {set: kitti2015, root: /data/kitti2015, split: training, weight: 1}

    Attributes:
        set: its name, as in data/sets/registry.py.
        root: its folder.
        weight: how often it is drawn, in proportion to the other weights.
        options: those of its class, such as ``split``; in YAML they stand beside the others.
    """

    set: str
    root: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range(f'the weight of {self.set}', self.weight, 0)
        if self.weight == 0:
            raise TrainingError(f'the weight of {self.set} is 0: leave it out of data')

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataConfig:
        """Build from plain values: ``set``, ``root``, ``weight``, and the set's own options."""
        if not isinstance(values, Mapping) or not {'set', 'root'} <= set(values):
            raise TrainingError(f'data: {values!r} is no data set: give each a set: and a root:')
        own = {name: values[name] for name in ('set', 'root', 'weight') if name in values}
        rest = {name: value for name, value in values.items() if name not in (*own, 'options')}
        return cls(**own, options={**(values.get('options') or {}), **rest})


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run.

    Attributes:
        network: name in the registry.
        stages: one after the other.
        scenes: folder of rendered scenes to learn from, or a list of folders: the first is filled
            up, the others are used as they are.
        validation: folder of held-out rendered scenes.
        scene_count, validation_count: how many each folder is filled up to before training.
        generator: parts of the scene generator, as of `data.synthetic.options`; what is not named
            is in use.
        data: data sets to learn from as well; each sample is drawn from one of them or from the
            rendered scenes, by weight.
        scenes_weight: that of the rendered scenes; 0 = learn from ``data`` alone.
        start_from: weights to begin with; None = fresh.
        augment: how the cameras are modelled, as of `training.augment.CameraFaults`.
        seed: of weights, order and augmentation.
        precision: ``bf16-mixed`` or ``32-true`` (Lightning Fabric's names).
        ema: decay of the running average of the weights, which is what is validated and shipped.
        clip: largest gradient norm.
        validate_minutes: time between validations and checkpoints; 0 for after every step.
        workers: processes that load and augment, for each process that trains.
        tensorboard: write what goes into metrics.csv for TensorBoard as well.
    """

    network: str = 'crl-small'
    stages: tuple[StageConfig, ...] = ()
    scenes: str | Sequence[str] = 'runs/scenes'
    validation: str = 'runs/validation'
    scene_count: int = 4000
    validation_count: int = 48
    generator: Mapping[str, Any] = field(default_factory=dict)
    augment: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[DataConfig, ...] = ()
    scenes_weight: float = 1.0
    start_from: str | None = None
    seed: int = 0
    precision: str = 'bf16-mixed'
    weight_decay: float = 1e-4
    ema: float = 0.999
    clip: float = 1.0
    validate_minutes: float = 5.0
    workers: int = 1
    tensorboard: bool = False
    notes: str = ''

    def __post_init__(self) -> None:
        check_range('scenes_weight', self.scenes_weight, 0)
        if self.scenes_weight == 0 and not self.data:
            raise TrainingError('scenes_weight is 0 and there is no data: nothing is left to '
                                'learn from; raise it, or list data sets')
        if not self.scene_folders():
            raise TrainingError('scenes names no folder: give one, or a list')
        for name in ('scene_count', 'validation_count'):
            check_range(name, getattr(self, name), 1)
        for name in ('weight_decay', 'workers', 'validate_minutes'):
            check_range(name, getattr(self, name), 0)
        check_range('clip', self.clip, SMALLEST)
        check_range('ema', self.ema, 0, 1)
        self.generator_options()
        self.camera_faults()

    def scene_folders(self) -> list[Path]:
        """Return the folders of rendered scenes."""
        names = [self.scenes] if isinstance(self.scenes, str) else self.scenes
        return [Path(name) for name in names]

    def generator_options(self) -> GeneratorOptions:
        """Return what rendered scenes may hold."""
        if not isinstance(self.generator, Mapping):
            raise TrainingError(f'generator: {self.generator!r} holds no settings')
        return GeneratorOptions.from_dict(self.generator)

    def camera_faults(self) -> CameraFaults:
        """Return how the cameras are modelled."""
        if not isinstance(self.augment, Mapping):
            raise TrainingError(f'augment: {self.augment!r} holds no settings')
        return CameraFaults.from_dict(self.augment)

    def within(self, minutes: float) -> TrainingConfig:
        """Return this run with its stages stretched or shortened to a total of so many minutes.

        Raises:
            TrainingError: a stage's length is given in steps, or there is no time.
        """
        if not 0 < minutes < math.inf:
            raise TrainingError(f'a run of {minutes!r} minutes is none: give a number > 0')
        total = sum(stage.minutes for stage in self.stages)
        if any(stage.steps for stage in self.stages):
            raise TrainingError('a time budget needs stages whose length is given in minutes, and '
                                'some have steps')
        return replace(self, stages=tuple(
            replace(stage, minutes=stage.minutes * minutes / total) for stage in self.stages))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Build from plain values.

        Raises:
            TrainingError: a setting is unknown or of no use, or there are no stages.
        """
        values = typed_settings(cls, values, 'settings')
        stages = []
        for stage in values.get('stages') or ():
            if not isinstance(stage, Mapping):
                raise TrainingError(f'stages: {stage!r} is no stage: write "- {{train: first, '
                                    f'minutes: 60}}"')
            stages.append(StageConfig(**typed_settings(StageConfig, stage, 'stage settings')))
        if not stages:
            raise TrainingError('the configuration has no stages: give at least one')
        data = values.get('data') or ()
        if not isinstance(data, (list, tuple)):
            raise TrainingError(f'data: {data!r} is no list: write "- {{set: ..., root: ...}}"')
        return cls(**{**values, 'stages': tuple(stages),
                      'data': tuple(DataConfig.from_dict(each) for each in data)})

    @classmethod
    def read(cls, path: Path) -> TrainingConfig:
        """Read a YAML file."""
        return cls.from_dict(read_settings(path, 'network: ...'))
