# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files of PyTorch's own format, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, cast

import torch

from depth_learning_ros.files import atomic_write


def save_torch(path: Path, content: Any) -> None:
    """Write a file for ``torch.load``, replacing an old one.

    Raises:
        DataError: it cannot be written; what was there before is still there.
    """
    with atomic_write(path, force=True) as file:
        honest = HonestFile(file)
        try:
            torch.save(content, cast(IO[bytes], honest))
        except RuntimeError as error:
            if honest.failure is None:
                raise
            raise honest.failure from error


class HonestFile:
    """Remembers why a write failed: PyTorch only says that one did, not that the disk is full."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self.file.flush()
