# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

PROGRAM = """import os, sys, threading
from depth_learning_ros.nodes.priority import lower_priority
before = os.nice(0)
def tell():
    print(os.nice(0) - before, os.sched_getscheduler(0) == os.SCHED_IDLE)
lower_priority(int(sys.argv[1]))
tell()
thread = threading.Thread(target=tell)
thread.start()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, 'SCHED_IDLE'), reason='needs Linux')
@pytest.mark.parametrize(('niceness', 'told'), [(0, '0 False'), (5, '5 False'), (19, '19 True')])
def test_a_thread_and_those_that_it_starts_make_way(niceness, told):
    if os.nice(0) + niceness > 19:
        pytest.skip('these tests run at a low priority themselves')
    done = subprocess.run([sys.executable, '-c', PROGRAM, str(niceness)], capture_output=True,
                          text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stdout.splitlines() == [told, told]
