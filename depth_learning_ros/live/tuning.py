# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What makes a process that does nothing but move large messages faster."""

from __future__ import annotations

import ctypes
import sys

# malloc.h of the GNU C library
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_KEPT_BYTES = 256 << 20
_SWITCH_S = 0.001


def tune_process() -> bool:
    """Keep freed memory for the next message, and let threads take turns more often.

    By default the GNU C library maps each buffer of a cloud anew and gives it back when it is
    freed: sending 7 MB takes 12 ms, of which 6 are page faults. It concerns the whole process, so
    it is for programs to call, and not for libraries.

    Returns:
        Whether the C library is one that can be told.
    """
    sys.setswitchinterval(_SWITCH_S)
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if sys.platform == 'linux' else None
    if mallopt is None:  # another system, or musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)) and bool(
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
