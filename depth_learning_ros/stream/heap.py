# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Memory of large arrays that a live process keeps for the next frame.

glibc gives every block of more than some megabytes back to the system when it is freed, and asks
for it anew with the next frame. The system then clears it page by page as it is written to, which
takes longer than writing it. A frame's messages are such blocks, several times over.
"""

from __future__ import annotations

import ctypes
import logging

_log = logging.getLogger(__name__)

# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK = 32 << 20  # the most that glibc takes before 2.35; 1080p's cloud has 33 MB
_KEPT = 512 << 20


def keep_freed_memory() -> bool:
    """Let this process keep up to 512 MB of freed memory, in blocks of up to 32 MB.

    It holds the most that it ever needed at a time. Call it once, early.

    Returns:
        Whether the C library knows how; others than glibc do not, and nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # no such function, or no such thing as None
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    kept = bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)) and bool(
        mallopt(_M_TRIM_THRESHOLD, _KEPT))
    if not kept:
        _log.debug('freed memory goes back to the system')
    return kept
