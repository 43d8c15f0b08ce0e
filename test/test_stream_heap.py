# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a live process reuse the memory of the ones before."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from depth_learning_ros.stream.heap import keep_freed_memory

# Eight blocks of 3 MB live at a time, as the messages of a frame do, in a thread as the stream's.
PROGRAM = """
import resource, sys, threading
import numpy as np
from depth_learning_ros.stream.heap import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == 'keep' else None

def frames(count):
    for _ in range(count):
        blocks = [np.full(3_000_000, 7, np.uint8) for _ in range(8)]
        del blocks

def count():
    global faults
    frames(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    frames(20)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

thread = threading.Thread(target=count)
thread.start()
thread.join()
print(kept, faults // 20)
"""


def faults_of_a_frame(mode: str) -> tuple[str, int]:
    done = subprocess.run([sys.executable, '-c', PROGRAM, mode], capture_output=True, text=True,
                          check=True, timeout=60)
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_memory_is_asked_for_once():
    assert faults_of_a_frame('no')[1] > 1000  # else there is nothing to be saved any more
    kept, faults = faults_of_a_frame('keep')
    assert kept == 'True' and faults < 100


def test_without_glibc_nothing_happens(monkeypatch):
    import ctypes

    def no_library(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, 'CDLL', no_library)
    assert keep_freed_memory() is False
