# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Built engines and their measured errors, kept between runs.

An entry is a JSON sidecar, and for compiled engines the compiled bytes beside it, under a name
made from everything that changes an engine. The sidecar repeats that key in full, so a collision
or a file that was moved here is noticed, and holds the checksum of the bytes. Whatever is wrong
with the cache, work goes on without it: at worst an engine is built again. What a killed build
left half written, the next build removes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timezone
import fcntl
import hashlib
import json
import logging
import os
from pathlib import Path
import tempfile
from typing import IO, Any

from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.files import atomic_write, remove_abandoned

FORMAT_VERSION = 1
FOLDER_VARIABLE = 'DEPTH_LEARNING_CACHE'
MAX_BYTES = 4_000_000_000
_KEY_DIGITS = 16

log = logging.getLogger(__name__)


def default_cache_dir() -> Path:
    """Give $DEPTH_LEARNING_CACHE, else depth_learning_ros in the user's cache folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get('XDG_CACHE_HOME')
    return (Path(base) if base else Path('~/.cache').expanduser()) / 'depth_learning_ros'


class EngineCache:
    """A folder of entries; one that cannot be written is still read."""

    def __init__(self, folder: Path | None = None,
                 on_message: Callable[[str], None] | None = None) -> None:
        """Open.

        Args:
            folder: made if missing; None = ``default_cache_dir()``.
            on_message: told when another process makes us wait.
        """
        self.folder = folder or default_cache_dir()
        self._on_message = on_message or log.info
        self._warned = False
        self._obstacle = self._find_obstacle()

    @property
    def writable(self) -> bool:
        """Whether entries can be saved."""
        return self._obstacle is None

    def entry(self, name: str, key: Mapping[str, Any]) -> CacheEntry:
        """Give the entry of a key.

        Args:
            name: begins the file name, for people.
            key: everything that changes the engine; JSON values.
        """
        return CacheEntry(self, name, json.loads(json.dumps(key)))

    def close_for_writing(self, obstacle: Exception) -> None:
        """Save nothing from now on."""
        self._obstacle = self._obstacle or obstacle

    def warn_unwritable(self) -> None:
        """Tell, once, that an engine was built that cannot be kept."""
        if not self._warned:
            log.warning('the engine cache %s cannot be written (%s): engines are built again each '
                        'time; name another folder with %s or --cache-dir', self.folder,
                        self._obstacle, FOLDER_VARIABLE)
        self._warned = True

    def waiting(self, name: str) -> None:
        """Tell that another process holds the lock."""
        self._on_message(f'waiting for another process that is building {name}')

    def prune(self) -> None:
        """Remove what was used longest ago, until engines and exports fit in ``MAX_BYTES``."""
        with suppress(OSError):
            files = sorted(((f.stat().st_mtime, f.stat().st_size, f)
                            for pattern in ('*.bin', '*.onnx')
                            for f in self.folder.glob(pattern)), reverse=True)
            total = 0
            for number, (_, size, file) in enumerate(files):
                total += size
                if number and total > MAX_BYTES:
                    file.with_suffix('.json').unlink(missing_ok=True)
                    file.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what builds left that were killed; what other processes write now stays."""
        for path in remove_abandoned(self.folder):
            log.debug('removed %s, which a killed build had left', path)

    def _find_obstacle(self) -> Exception | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return None
        except OSError as error:
            return error


class CacheEntry:
    """One engine's sidecar and, where it has any, its bytes."""

    def __init__(self, cache: EngineCache, name: str, key: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps([FORMAT_VERSION, key], sort_keys=True).encode())
        self.name = name
        self.key = key
        self.stem = f'{name}-{digest.hexdigest()[:_KEY_DIGITS]}'
        self._cache = cache

    def load(self) -> tuple[dict[str, Any], bytes | None] | None:
        """Give the record and the bytes; None where there are none, or not whole (a warning)."""
        try:
            sidecar = json.loads(self._path('.json').read_text(encoding='utf-8'))
            if sidecar['format'] != FORMAT_VERSION or sidecar['key'] != self.key:
                raise _UnusableError('it belongs to another engine')
            return dict(sidecar['record']), self._bytes(sidecar['sha256'])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except _UnusableError as error:
            self.reject(str(error))
        except OSError as error:
            self.reject(f'it cannot be read ({error})')
        except (ValueError, KeyError, TypeError):
            self.reject('its sidecar is damaged')
        return None

    def save(self, record: Mapping[str, Any], blob: bytes | None = None) -> None:
        """Keep an engine; where that fails (read-only folder, full disk) warn and go on."""
        if not self._cache.writable:
            self._cache.warn_unwritable()
            return
        sidecar = {'format': FORMAT_VERSION, 'key': self.key, 'record': dict(record),
                   'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
                   'sha256': None if blob is None else hashlib.sha256(blob).hexdigest()}
        try:
            # The bytes first: a sidecar without them is refused, bytes without it are never read.
            if blob is not None:
                with atomic_write(self._path('.bin'), force=True) as file:
                    file.write(blob)
            with atomic_write(self._path('.json'), force=True, mode='w') as file:
                json.dump(sidecar, file, indent=1, sort_keys=True)
        except (OSError, DepthLearningError) as error:
            self._cache.close_for_writing(error)
            self._cache.warn_unwritable()
        else:
            self._cache.prune()

    def reject(self, reason: str) -> None:
        """Warn that this entry will be built again."""
        log.warning('the cached engine %s is not used: %s; building it again',
                    self._path('.json'), reason)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold other processes off while this entry is built; waits for them, with a message."""
        file = self._open_lock() if self._cache.writable else None
        if file is None:
            yield
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._cache.waiting(self.name)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:  # file systems without locks: a build too many does no harm
                log.debug('no lock on %s: %s', file.name, error)
            self._cache.sweep()
            yield

    def _open_lock(self) -> IO[bytes] | None:
        try:
            return self._path('.lock').open('ab')
        except OSError as error:
            self._cache.close_for_writing(error)
            return None

    def _bytes(self, expected: str | None) -> bytes | None:
        if expected is None:
            return None
        try:
            blob = self._path('.bin').read_bytes()
        except FileNotFoundError as error:
            raise _UnusableError('its bytes are missing') from error
        if hashlib.sha256(blob).hexdigest() != expected:
            raise _UnusableError('its bytes are damaged')
        with suppress(OSError):
            os.utime(self._path('.bin'))  # the least recently used ones are removed first
        return blob

    @property
    def blob_path(self) -> Path:
        """Where the bytes are, if there are any."""
        return self._path('.bin')

    def _path(self, suffix: str) -> Path:
        return self._cache.folder / f'{self.stem}{suffix}'


class _UnusableError(Exception):
    """Why an entry is built again, in words."""


class CompiledModels:
    """Compiled models of one network, backend and precision, one entry for each image size."""

    def __init__(self, cache: EngineCache, name: str, key: Mapping[str, Any],
                 about: Mapping[str, Any] | None = None) -> None:
        """Set up.

        Args:
            cache: where.
            name: begins the file names.
            key: everything that changes the engine, but the size.
            about: written into every sidecar as well, such as the measured error.
        """
        self._cache = cache
        self._name = name
        self._key = key
        self._about = dict(about or {})

    def load(self, shape: tuple[int, int, int]) -> tuple[bytes, dict[str, Any]] | None:
        """Give the compiled bytes and their record; None where there are none."""
        found = self._entry(shape).load()
        return None if found is None or found[1] is None else (found[1], found[0])

    def save(self, shape: tuple[int, int, int], blob: bytes, record: Mapping[str, Any]) -> None:
        """Keep them."""
        self._entry(shape).save({**self._about, **record}, blob)

    def reject(self, shape: tuple[int, int, int], reason: str) -> None:
        """Warn that what ``load`` gave could not be used."""
        self._entry(shape).reject(reason)

    def lock(self, shape: tuple[int, int, int]) -> AbstractContextManager[None]:
        """Hold other processes off while this size is compiled."""
        return self._entry(shape).lock()

    def _entry(self, shape: tuple[int, int, int]) -> CacheEntry:
        name = f'{self._name}-{shape[2]}x{shape[1]}'
        return self._cache.entry(name, {**self._key, 'shape': list(shape)})
