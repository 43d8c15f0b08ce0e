# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which model can be trusted, and which one before it: survives a power cut at any moment."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path

from depth_learning_ros.adaptation.state import fingerprint
from depth_learning_ros.files import atomic_write

_MAX_KEPT = 5  # adapted models that are kept for a rollback


@dataclass(frozen=True)
class Model:
    """A model as the nodes' ``model`` parameter takes it.

    Attributes:
        name: a shipped name, or the path of a weights file.
        sha256: of that file; empty for a shipped name.
    """

    name: str
    sha256: str

    @property
    def usable(self) -> bool:
        """Whether the file is there as it was written."""
        if not self.sha256:
            return True
        try:
            return fingerprint(Path(self.name)) == self.sha256
        except OSError:
            return False


class ModelsInUse:
    """A stack of models: the last one is in use, those before are what can be gone back to.

    Args:
        folder: of ``current.json`` and of the adapted weights; made where it does not exist.
        original: the model that was never adapted, at the bottom of the stack.
    """

    def __init__(self, folder: Path, original: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._record = folder / 'current.json'
        self._original = Model(original, '')
        self._stack = [self._original, *self._read()]

    @property
    def current(self) -> Model:
        """The model that is to be used now."""
        return self._stack[-1]

    @property
    def previous(self) -> Model | None:
        """What a rollback goes back to; None at the original."""
        return self._stack[-2] if len(self._stack) > 1 else None

    def new_path(self) -> Path:
        """Return a path for new weights that no earlier ones ever had."""
        numbers = [int(path.stem.rpartition('-')[2]) for path in self._files()]
        return self.folder / f'adapted-{max(numbers, default=0) + 1:04d}.safetensors'

    def accept(self, path: Path) -> Model:
        """Put new weights into use, that are complete under their name."""
        accepted = Model(str(path), fingerprint(path))
        self._stack.append(accepted)
        self._stack = [self._original, *self._stack[1:][-_MAX_KEPT:]]
        self._write()
        kept = {model.name for model in self._stack}
        for file in self._files():  # only after it was written what is in use
            if str(file) not in kept:
                file.unlink()
        return accepted

    def rollback(self) -> Model:
        """Take the newest weights out of use, and return what is in use now."""
        if len(self._stack) > 1:
            self._stack.pop()
            self._write()
        return self.current

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob('adapted-*.safetensors'))

    def _read(self) -> list[Model]:
        try:
            rows = json.loads(self._record.read_text())
            models = [Model(str(row['name']), str(row['sha256'])) for row in rows]
        except (OSError, ValueError, TypeError, KeyError):
            return []
        return [model for model in models if model.usable]

    def _write(self) -> None:
        with atomic_write(self._record, force=True, mode='w') as file:
            json.dump([vars(model) for model in self._stack[1:]], file, indent=1)
