# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which model can be trusted, and which one before it: survives a power cut at any moment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
import json
import logging
from pathlib import Path

from depth_learning_ros.adaptation.state import fingerprint
from depth_learning_ros.files import atomic_write
from depth_learning_ros.models.checkpoint import find_weights

_log = logging.getLogger(__name__)

_MAX_KEPT = 5  # adapted models that are kept for a rollback
_RECORD = 'current.json'


def folder_of(folder: Path, original: str) -> Path:
    """Name the folder below another one of what is learned from some weights, and of nothing else.

    What was learned from others is left alone, and said: it is there again with them.

    Raises:
        ModelError: there are no such weights.
    """
    weights = find_weights(original)
    chosen = folder / f'{weights.stem}-{fingerprint(weights)[:8]}'
    others = sorted(path.parent.name for path in folder.glob(f'*/{_RECORD}')
                    if path.parent != chosen)
    if others and not chosen.exists():
        _log.warning('%s holds what was learned from %s; it is not used, as this begins with %s',
                     folder, ', '.join(others), chosen.name)
    return chosen


@dataclass(frozen=True)
class Model:
    """A model as the nodes' ``model`` parameter takes it.

    Attributes:
        name: a shipped name, or the path of a weights file.
        sha256: of that file; empty for a shipped name.
    """

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Model:
        """Return the model of a weights file, which is read."""
        return cls(str(path), fingerprint(path))

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

    What is in use changes only once that was written. Any thread may look; that only one at a
    time makes a change is the caller's affair.

    Args:
        folder: of ``current.json`` and of the adapted weights; made where it does not exist.
        original: the model that was never adapted, at the bottom of the stack.

    Attributes:
        changed_ever: whether anything was ever put into use or taken out of it, by this or an
            earlier process: until then nobody needs to be told what is in use.
    """

    def __init__(self, folder: Path, original: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._record = folder / _RECORD
        self._original = Model(original, '')
        self._adapted = self._read()
        self.changed_ever = self._record.exists()

    @property
    def current(self) -> Model:
        """The model that is to be used now."""
        return (self._original, *self._adapted)[-1]

    @property
    def previous(self) -> Model | None:
        """What a rollback goes back to; None at the original."""
        adapted = self._adapted
        return (self._original, *adapted)[-2] if adapted else None

    def new_path(self) -> Path:
        """Return a path for new weights that no earlier ones ever had."""
        numbers = [path.stem.rpartition('-')[2] for path in self._files()]
        newest = max((int(number) for number in numbers if number.isdecimal()), default=0)
        return self.folder / f'adapted-{newest + 1:04d}.safetensors'

    def accept(self, model: Model) -> None:
        """Put new weights into use, that are complete under their name.

        Raises:
            DataError: the disk is full; nothing has changed.
        """
        self._change((*self._adapted, model)[-_MAX_KEPT:])
        kept = {model.name for model in self._adapted}
        for file in self._files():
            if str(file) not in kept:
                with suppress(OSError):  # it only takes room
                    file.unlink()

    def rollback(self) -> Model:
        """Take the newest weights out of use, and return what is in use now.

        Raises:
            DataError: the disk is full; nothing has changed.
        """
        if self._adapted:
            self._change(self._adapted[:-1])
        return self.current

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob('adapted-[0-9]*.safetensors'))

    def _read(self) -> tuple[Model, ...]:
        try:
            rows = json.loads(self._record.read_text())
            # of this folder, wherever it was moved to
            models = [Model(str(self.folder / Path(row['name']).name), str(row['sha256']))
                      for row in rows]
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning('%s is damaged, so %s is used: %r', self._record, self._original.name,
                         error)
            return ()
        for model in models:
            if not model.usable:
                _log.warning('%s is gone or not what was written: it is not used', model.name)
        return tuple(model for model in models if model.usable)

    def _change(self, adapted: tuple[Model, ...]) -> None:
        with atomic_write(self._record, force=True, mode='w') as file:
            json.dump([{'name': Path(model.name).name, 'sha256': model.sha256}
                       for model in adapted], file, indent=1)
        self._adapted, self.changed_ever = adapted, True
