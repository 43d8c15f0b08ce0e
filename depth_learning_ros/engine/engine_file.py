# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A built engine on disk: the library's bytes, and a sidecar that says whose they are.

``model.engine`` holds what TensorRT wrote, ``model.engine.json`` everything that the engine
depends on, its checksum, how far it is from PyTorch, and PyTorch's answer to the fixed pair, so
that it can be measured again on the machine that runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
import hashlib
import json
from pathlib import Path
from typing import Any

from depth_learning_ros.engine.cuda_driver import Gpu
from depth_learning_ros.engine.reference import MeasuredError, Reference
from depth_learning_ros.engine.trusted_file import open_trusted, read_trusted
from depth_learning_ros.errors import EngineError
from depth_learning_ros.files import atomic_write, check_output

FORMAT_VERSION = 1
_LARGEST_SIDECAR = 64_000_000

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Shapes:
    """The sizes (N, H, W) an engine takes, and the one it was tuned for.

    All equal: a static engine.
    """

    smallest: Shape
    best: Shape
    largest: Shape

    @property
    def static(self) -> bool:
        """Whether it takes one size alone."""
        return self.smallest == self.largest

    def hold(self, shape: Shape) -> bool:
        """Whether images of that size fit."""
        return all(low <= value <= high for low, value, high in
                   zip(self.smallest, shape, self.largest, strict=True))

    def to_lists(self) -> dict[str, list[int]]:
        """Give JSON values."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_lists(cls, values: Mapping[str, Any]) -> Shapes:
        """Undo ``to_lists``."""
        def shape(name: str) -> Shape:
            count, height, width = (int(size) for size in values[name])
            return count, height, width
        return cls(shape('smallest'), shape('best'), shape('largest'))

    def __str__(self) -> str:
        if self.static:
            return _words(self.best)
        return f'{_words(self.smallest)} to {_words(self.largest)}, tuned for {_words(self.best)}'


def _words(shape: Shape) -> str:
    count, height, width = shape
    return f'{width}x{height}' if count == 1 else f'{count} of {width}x{height}'


@dataclass(frozen=True)
class EngineIdentity:
    """Everything that changes an engine: the key under which it is kept.

    Attributes:
        onnx_sha256: of the exported float32 file, which holds its weights' checksum.
        library, version: ``tensorrt`` or ``tensorrt_rtx``.
        gpu: name of the GPU it was built on; empty where it was built for compute capabilities.
        compute_capabilities: what it runs on.
        precision: ``fp32``, ``fp16`` or ``int8``.
        float32_parts: what stays in float32 (``typed_graph.PARTS``).
        shapes: the sizes it takes.
        calibration: checksum of the activation ranges of an int8 engine, else empty.
        dla_core: the Jetson accelerator it was built for, None: the GPU alone.
        platform: machine and operating system.
    """

    onnx_sha256: str
    library: str
    version: str
    gpu: str
    compute_capabilities: tuple[str, ...]
    precision: str
    float32_parts: tuple[str, ...]
    shapes: Shapes
    calibration: str = ''
    dla_core: int | None = None
    platform: str = ''

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return {**asdict(self), 'shapes': self.shapes.to_lists(),
                'compute_capabilities': list(self.compute_capabilities),
                'float32_parts': list(self.float32_parts)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EngineIdentity:
        """Undo ``to_dict``; raises KeyError, TypeError or ValueError for what is none."""
        known = {entry.name for entry in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        return cls(**{**given, 'shapes': Shapes.from_lists(values['shapes']),
                      'compute_capabilities': tuple(values['compute_capabilities']),
                      'float32_parts': tuple(values['float32_parts'])})

    def obstacles(self, library: str, version: str, gpu: Gpu | None, platform: str) -> list[str]:
        """List, in words, why it cannot run with this library on this machine."""
        found = []
        if self.library != library:
            found.append(f'it was built with {self.library}, this is {library}')
        elif self.version != version:
            found.append(f'it was built with {self.library} {self.version}, installed is '
                         f'{version}')
        if self.platform and self.platform != platform:
            found.append(f'it was built for {self.platform}, this is {platform}')
        if gpu is None:
            return found
        if gpu.compute_capability not in self.compute_capabilities:
            found.append(f'it was built for compute capability '
                         f'{", ".join(self.compute_capabilities)}, the {gpu.name} has '
                         f'{gpu.compute_capability}')
        elif self.gpu and self.gpu != gpu.name:
            found.append(f'it was built on a {self.gpu}, this is a {gpu.name}')
        return found


@dataclass(frozen=True)
class EngineRecord:
    """What is known about an engine besides its identity.

    Attributes:
        metadata: of the exported file, its reference left out.
        reference: PyTorch's answer to the fixed pair, of a size that the engine takes.
        reference_by: who computed it.
        emulated: error of the engine's graph, its roundings emulated on a CPU; None: not done.
        measured: error of the engine itself, None where no GPU has run it yet.
        build_seconds: how long the library built.
        layers: number of layers by kind, type and place.
        created: when (ISO 8601, UTC).
    """

    metadata: dict[str, Any]
    reference: str
    reference_by: str = 'PyTorch'
    emulated: MeasuredError | None = None
    measured: MeasuredError | None = None
    build_seconds: float = 0.0
    layers: dict[str, int] = field(default_factory=dict)
    created: str = ''

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EngineRecord:
        """Undo ``to_dict``; raises KeyError, TypeError or ValueError for what is none."""
        known = {entry.name for entry in fields(cls)}
        record = cls(**{name: value for name, value in values.items() if name in known})
        errors = {name: MeasuredError(**value) for name in ('emulated', 'measured')
                  if (value := getattr(record, name)) is not None}
        return replace(record, **errors)  # type: ignore[arg-type]

    def expected(self) -> Reference:
        """Give the reference as arrays."""
        return Reference.from_text(self.reference)


@dataclass(frozen=True)
class EngineFile:
    """A built engine."""

    identity: EngineIdentity
    record: EngineRecord
    plan: bytes

    @property
    def sha256(self) -> str:
        """Checksum of the library's bytes."""
        return hashlib.sha256(self.plan).hexdigest()

    def save(self, path: Path, force: bool = False) -> None:
        """Write engine and sidecar; each is whole or absent.

        Raises:
            DataError: a file exists (and not ``force``), or cannot be written.
        """
        check_output(path, force)
        check_output(sidecar_of(path), force)
        sidecar = {'format': FORMAT_VERSION, 'identity': self.identity.to_dict(),
                   'record': self.record.to_dict(), 'bytes': len(self.plan),
                   'sha256': self.sha256}
        # The engine first: one without a sidecar is refused, and so is one that does not fit it.
        with atomic_write(path, force=force) as file:
            file.write(self.plan)
        with atomic_write(sidecar_of(path), force=force, mode='w') as file:
            json.dump(sidecar, file, indent=1, sort_keys=True)


def sidecar_of(path: Path) -> Path:
    """Give the sidecar's name."""
    return path.with_name(f'{path.name}.json')


def read_identity(path: Path) -> tuple[EngineIdentity, EngineRecord]:
    """Read an engine's sidecar alone.

    Raises:
        EngineError: it is missing or damaged.
    """
    found = _sidecar(path)
    return found[0], found[1]


def load_engine_file(path: Path) -> EngineFile:
    """Read a built engine that this user (or root) wrote, whole.

    Raises:
        EngineError: it is missing, damaged, cut, without its sidecar, or others could have
            written it.
    """
    identity, record, size, sha256 = _sidecar(path)
    with open_trusted(path) as file:
        plan = file.read(size + 1)
    if len(plan) != size:
        what = f'cut after {len(plan)} of' if len(plan) < size else 'longer than its'
        raise EngineError(f'the engine {path} is {what} {size} bytes: build it again')
    if hashlib.sha256(plan).hexdigest() != sha256:
        raise EngineError(f'the engine {path} is damaged, or not the one that '
                          f'{sidecar_of(path).name} belongs to: build it again')
    return EngineFile(identity, record, plan)


def _sidecar(path: Path) -> tuple[EngineIdentity, EngineRecord, int, str]:
    sidecar = sidecar_of(path)
    if path.is_file() and not sidecar.is_file():
        raise EngineError(f'{path} has no {sidecar.name} beside it, which says what it is: an '
                          f"engine of another tool is not loaded; build it with 'depth-learning "
                          f"build'")
    text = read_trusted(sidecar)[:_LARGEST_SIDECAR]
    try:
        found = json.loads(text)
        if found['format'] != FORMAT_VERSION:
            raise EngineError(f'{sidecar} has format version {found["format"]}, this program '
                              f'reads {FORMAT_VERSION}: build the engine again')
        return (EngineIdentity.from_dict(found['identity']),
                EngineRecord.from_dict(found['record']), int(found['bytes']),
                str(found['sha256']))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f'{sidecar} is damaged ({error!r}): build the engine again') from error
