# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever stops a replay, no broken file stands under the final name."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from bags import write_stereo_bag
from fake_engine import ShiftEngine
import pytest

from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import mcap_writer, replay, storage

TEST = Path(__file__).resolve().parent

# SIGINT is set by hand, as a shell hands it down ignored to what runs in the background.
SLOW_REPLAY = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = sys.argv[1:3]
from fake_engine import ShiftEngine
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import ReplayOptions, replay

def tell(done, total):
    print(done, flush=True)

with StereoPipeline(ShiftEngine(delay_s=0.02)) as pipeline:
    replay(sys.argv[3], sys.argv[4], pipeline, ReplayOptions(force=True), tell)
"""


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize('output', ['out.mcap', 'out'])
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGINT])
def test_signals(tmp_path, number, output):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=500, width=160, height=100)
    (tmp_path / 'x').mkdir()
    process = subprocess.Popen(
        [sys.executable, '-c', SLOW_REPLAY, str(TEST.parent), str(TEST), str(tmp_path / 'in'),
         str(tmp_path / 'x' / output)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(10):  # ten frames are done, hundreds are not
        assert process.stdout.readline().strip()
    written = [p for p in (tmp_path / 'x').rglob('*') if p.is_file() and p.stat().st_size]
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert written  # it was in the middle of writing
    assert not (tmp_path / 'x' / output).exists()
    if number == signal.SIGINT:
        assert names(tmp_path / 'x') == []
    else:
        assert all(n.startswith(f'.{output}.') for n in names(tmp_path / 'x'))


@pytest.mark.parametrize('after_bytes', [0, 200_000, 1_500_000])
@pytest.mark.parametrize('output', ['out.mcap', 'out'])
def test_a_disk_that_gets_full(tmp_path, monkeypatch, after_bytes, output):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=20, width=160, height=100)
    real, written = os.writev, 0

    def writev(descriptor, pieces):
        nonlocal written
        written += sum(memoryview(p).nbytes for p in pieces)
        if written > after_bytes:
            raise OSError(28, 'No space left on device')
        return real(descriptor, pieces)

    monkeypatch.setattr(mcap_writer.os, 'writev', writev)
    with StereoPipeline(ShiftEngine()) as pipeline, \
            pytest.raises(DataError, match=rf'the disk is full, .*{output} was not written'):
        replay(tmp_path / 'in', tmp_path / output, pipeline)
    assert names(tmp_path) == ['in']


@pytest.fixture
def tiny_disk():
    """A file system of 2 MB; needs the right to mount one."""
    folder = tempfile.mkdtemp()
    mounted = shutil.which('mount') and subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], capture_output=True,
        check=False).returncode == 0
    if not mounted:
        os.rmdir(folder)
        pytest.skip('mounting a file system is not allowed here')
    yield Path(folder)
    subprocess.run(['umount', folder], check=True)
    os.rmdir(folder)


def test_a_disk_that_is_really_full(tmp_path, tiny_disk):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=20, width=160, height=100)
    for output in ('out.mcap', 'out'):
        with StereoPipeline(ShiftEngine()) as pipeline, \
                pytest.raises(DataError, match='the disk is full'):
            replay(tmp_path / 'in', tiny_disk / output, pipeline)
        assert names(tiny_disk) == []


def test_no_room_to_decompress(tmp_path, monkeypatch, tiny_disk):
    write_stereo_bag(tmp_path / 'in', 'sqlite3_zstd', frames=60, width=160, height=100)
    monkeypatch.setattr(tempfile, 'tempdir', str(tiny_disk))
    assert storage.gettempdir() == str(tiny_disk)
    with StereoPipeline(ShiftEngine()) as pipeline, \
            pytest.raises(BagError, match=r'no room in .* to decompress .*: set TMPDIR'):
        replay(tmp_path / 'in', tmp_path / 'out.mcap', pipeline)
    assert names(tmp_path) == ['in']
    assert names(tiny_disk) == []


def test_it_does_not_wait_for_a_slow_frame_at_an_error(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=50)
    start = time.monotonic()
    with StereoPipeline(ShiftEngine(fail_at=2)) as pipeline, \
            pytest.raises(Exception, match='as told'):
        replay(tmp_path / 'in', tmp_path / 'out.mcap', pipeline)
    assert time.monotonic() - start < 5
