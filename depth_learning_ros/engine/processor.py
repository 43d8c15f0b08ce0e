# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the processor can do: decides precisions, and belongs to the key of a built engine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
import platform

_CPUINFO = Path('/proc/cpuinfo')
# Flags that change which code a backend generates, as Linux names them (x86 and Arm).
FEATURES = ('avx2', 'fma', 'f16c', 'avx512f', 'avx512_vnni', 'avx_vnni', 'avx512_bf16',
            'avx512_fp16', 'amx_tile', 'amx_int8', 'amx_bf16', 'asimd', 'asimdhp', 'bf16', 'sve')


@lru_cache(maxsize=1)
def features() -> tuple[str, ...]:
    """Give those of ``FEATURES`` that this processor has; empty where Linux does not tell."""
    flags = set((_field('flags') or _field('Features')).split())
    return tuple(name for name in FEATURES if name in flags)


@lru_cache(maxsize=1)
def model_name() -> str:
    """Name the processor."""
    return _field('model name') or platform.processor() or platform.machine()


def bf16_is_fast() -> bool:
    """Whether bfloat16 beats float32: only with matrix units (AMX), without them it is slower."""
    return 'amx_bf16' in features()


@lru_cache(maxsize=8)
def _field(name: str) -> str:
    try:
        text = _CPUINFO.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return ''
    for line in text.splitlines():
        key, _, value = line.partition(':')
        if key.strip() == name:
            return value.strip()
    return ''
