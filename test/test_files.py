# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
from pathlib import Path
import signal
import stat
import subprocess
import sys

import pytest

from depth_learning_ros import files
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import (
    atomic_path,
    atomic_write,
    check_output,
    claim_folder,
    remove_abandoned,
)

ROOT = Path(__file__).resolve().parent.parent


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_writes_the_whole_file_under_its_name(tmp_path):
    with atomic_write(tmp_path / 'a.bin') as file:
        file.write(b'123')
        assert not (tmp_path / 'a.bin').exists()
        assert [n.endswith('.part') and n.startswith('.a.bin.') for n in names(tmp_path)] == [True]
    assert (tmp_path / 'a.bin').read_bytes() == b'123'
    assert names(tmp_path) == ['a.bin']


def test_text_mode_is_utf8(tmp_path):
    with atomic_write(tmp_path / 'a.txt', mode='w') as file:
        file.write('Größe\n')
    assert (tmp_path / 'a.txt').read_bytes() == b'Gr\xc3\xb6\xc3\x9fe\n'


def test_other_modes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'ab'"), atomic_write(tmp_path / 'a', mode='ab'):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize('error', [RuntimeError('x'), KeyboardInterrupt()])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)), atomic_write(tmp_path / 'a.bin') as file:
        file.write(b'123')
        raise error
    assert names(tmp_path) == []


def test_an_error_keeps_the_old_file(tmp_path):
    (tmp_path / 'a.bin').write_bytes(b'old')
    with pytest.raises(RuntimeError), atomic_write(tmp_path / 'a.bin', force=True) as file:
        file.write(b'new')
        raise RuntimeError
    assert (tmp_path / 'a.bin').read_bytes() == b'old'
    assert names(tmp_path) == ['a.bin']


def test_existing_file_needs_force(tmp_path):
    path = tmp_path / 'a.bin'
    path.write_bytes(b'old')
    with pytest.raises(DataError, match=r'a\.bin exists already.*--force'), atomic_write(path):
        pass
    assert path.read_bytes() == b'old'
    with atomic_write(path, force=True) as file:
        file.write(b'new')
    assert path.read_bytes() == b'new'


def test_a_file_made_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / 'a.bin'
    with pytest.raises(DataError, match='made by somebody else'), atomic_write(path) as file:
        file.write(b'mine')
        path.write_bytes(b'theirs')
    assert path.read_bytes() == b'theirs'
    assert names(tmp_path) == ['a.bin']


def test_works_without_hard_links(tmp_path, monkeypatch):
    def no_link(*_args):
        raise OSError(errno.EPERM, 'Operation not permitted')

    monkeypatch.setattr(os, 'link', no_link)
    with atomic_write(tmp_path / 'a.bin') as file:
        file.write(b'123')
    assert (tmp_path / 'a.bin').read_bytes() == b'123'
    assert names(tmp_path) == ['a.bin']


def test_permissions_follow_the_umask_and_force_keeps_them(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / 'a'):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == 0o640
    (tmp_path / 'a').chmod(0o600)
    with atomic_write(tmp_path / 'a', force=True):
        pass
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == 0o600


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'real' / 'a').write_bytes(b'old')
    (tmp_path / 'link').symlink_to(tmp_path / 'real' / 'a')
    with atomic_write(tmp_path / 'link', force=True) as file:
        file.write(b'new')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'real' / 'a').read_bytes() == b'new'


@pytest.mark.parametrize(('name', 'message'), [
    ('missing/a.bin', r'folder .*missing does not exist.*mkdir -p'),
    ('file/a.bin', r'file is a file'),
    ('folder', r'folder is a folder'),
    ('device', r'device or a pipe'),
])
def test_bad_targets_are_refused(tmp_path, name, message):
    (tmp_path / 'file').touch()
    (tmp_path / 'folder').mkdir()
    os.mkfifo(tmp_path / 'device')
    before = names(tmp_path)
    with pytest.raises(DataError, match=message):
        check_output(tmp_path / name, force=True)
    with pytest.raises(DataError, match=message), atomic_write(tmp_path / name, force=True):
        pass
    assert names(tmp_path) == before


def test_a_folder_that_is_not_writable_is_refused(tmp_path, monkeypatch):
    # The test may run as root, whom no permission stops: the answer of the system is replaced.
    monkeypatch.setattr(os, 'access', lambda *_: False)
    with pytest.raises(DataError, match='not writable'):
        check_output(tmp_path / 'a.bin')


def test_a_folder_that_lies_about_being_writable_is_refused(tmp_path, monkeypatch):
    def refuse(*_args):
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr(os, 'open', refuse)
    with pytest.raises(DataError, match='Read-only file system'), atomic_write(tmp_path / 'a'):
        pass


def test_full_disk_while_writing(tmp_path):
    path = tmp_path / 'a.bin'
    with pytest.raises(DataError, match=r'disk is full.*a\.bin'), atomic_write(path) as file:
        # /dev/full gives the error of a full disk to every write.
        with open('/dev/full', 'wb') as full:
            full.write(b'1')
        file.write(b'1')
    assert names(tmp_path) == []


def test_full_disk_while_closing(tmp_path, monkeypatch):
    def full(_path):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(files, 'sync', full)
    with pytest.raises(DataError, match='disk is full'), atomic_write(tmp_path / 'a') as file:
        file.write(b'1')
    assert names(tmp_path) == []


def test_other_errors_of_the_system_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / 'a'):
        open(tmp_path / 'no such input')
    assert names(tmp_path) == []


def test_long_names(tmp_path):
    name = 'ü' * 120 + '.bin'
    with atomic_write(tmp_path / name) as file:
        file.write(b'1')
    assert names(tmp_path) == [name]


def test_atomic_path_keeps_the_suffix(tmp_path):
    with atomic_path(tmp_path / 'a.onnx') as temporary:
        assert temporary.suffix == '.onnx'
        assert temporary.parent == tmp_path
        temporary.write_bytes(b'1')
    assert names(tmp_path) == ['a.onnx']
    with atomic_path(tmp_path / 'b', suffix='.mcap') as temporary:
        assert temporary.suffix == '.mcap'
    assert names(tmp_path) == ['a.onnx', 'b']


def test_atomic_path_that_was_not_written(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / 'a') as temporary:
        temporary.unlink()
    assert names(tmp_path) == []


def test_kill_leaves_no_file_under_the_name(tmp_path):
    code = ('import sys, time\n'
            'from depth_learning_ros.files import atomic_write\n'
            'with atomic_write(sys.argv[1]) as file:\n'
            '    file.write(b"1" * 100000)\n'
            '    file.flush()\n'
            '    print("ready", flush=True)\n'
            '    time.sleep(60)\n')
    process = subprocess.Popen([sys.executable, '-c', code, str(tmp_path / 'a.bin')], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert not (tmp_path / 'a.bin').exists()
    assert all(n.startswith('.a.bin.') for n in names(tmp_path))


WRITER = """import os, sys
from depth_learning_ros.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_bytes(b'half')
    print(temporary.name, flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_process_left_is_told_from_what_a_living_one_writes(tmp_path):
    with subprocess.Popen([sys.executable, '-c', WRITER, str(tmp_path / 'a.onnx')], cwd=ROOT,
                          text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        name = writer.stdout.readline().strip()
        with atomic_write(tmp_path / 'mine') as file:
            file.write(b'mine')
            assert remove_abandoned(tmp_path) == []
        assert names(tmp_path) == [name, 'mine']
        writer.kill()
        writer.wait()
    assert remove_abandoned(tmp_path) == [tmp_path / name]
    assert names(tmp_path) == ['mine']


def test_a_writer_whose_file_is_taken_before_it_has_its_lock_makes_another(tmp_path, monkeypatch):
    lock, taken = files.fcntl.flock, []

    def late(descriptor, operation):
        if not taken:
            taken.extend(names(tmp_path))
            (tmp_path / taken[0]).unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(files.fcntl, 'flock', late)
    with atomic_write(tmp_path / 'a') as file:
        file.write(b'whole')
        assert len(names(tmp_path)) == 1 and names(tmp_path) != taken
    assert (tmp_path / 'a').read_bytes() == b'whole'


def test_files_that_are_named_otherwise_are_not_taken_for_abandoned(tmp_path):
    for name in ('a.part', '.a.part', '.a.12345678.partial', '.a.1234567.part', '.a.12345678.bin'):
        (tmp_path / name).touch()
    (tmp_path / '.folder.12345678.part').mkdir()
    (tmp_path / '.link.12345678.part').symlink_to(tmp_path / 'a.part')
    before = names(tmp_path)
    assert remove_abandoned(tmp_path) == []
    assert names(tmp_path) == before
    assert remove_abandoned(tmp_path / 'missing') == []


def test_without_locks_nothing_is_taken_for_abandoned(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(files.fcntl, 'flock', refuse)
    (tmp_path / '.a.12345678.part').touch()
    assert remove_abandoned(tmp_path) == []
    with atomic_write(tmp_path / 'b') as file:
        file.write(b'1')
    assert names(tmp_path) == ['.a.12345678.part', 'b']


CLAIMANT = """
import sys
from pathlib import Path
from depth_learning_ros.files import claim_folder
claim = claim_folder(Path(sys.argv[1]))
print('claimed', flush=True)
sys.stdin.readline()
"""


def test_a_folder_is_one_processs_until_it_ends(tmp_path):
    folder = tmp_path / 'deep' / 'work'
    with subprocess.Popen([sys.executable, '-c', CLAIMANT, str(folder)], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as claimant:
        assert claimant.stdout.readline() == 'claimed\n'
        with pytest.raises(DataError, match=f'another process is at work in {folder}: wait'):
            claim_folder(folder)
        claimant.kill()
        claimant.wait()
    first = claim_folder(folder)
    with pytest.raises(DataError, match='another process'):
        claim_folder(folder)
    first.close()
    first.close()
    with claim_folder(folder):
        folder.rmdir()
    with claim_folder(folder):
        assert folder.is_dir()


def test_a_claim_on_a_folder_that_was_just_removed_is_made_anew(tmp_path, monkeypatch):
    folder, lock, asked = tmp_path / 'work', files.fcntl.flock, []

    def late(descriptor, operation):
        if not asked:
            folder.rmdir()  # whoever had it leaves
        asked.append(descriptor)
        lock(descriptor, operation)

    monkeypatch.setattr(files.fcntl, 'flock', late)
    with claim_folder(folder):
        assert len(asked) == 2 and folder.is_dir()
        with pytest.raises(DataError, match='another process'):
            claim_folder(folder)


def test_a_claim_where_there_are_no_locks_or_no_folder_can_be(tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'file', tmp_path / 'file' / 'work'):
        with pytest.raises(DataError, match='is a file'):
            claim_folder(path)
    with pytest.raises(DataError, match='cannot make the folder'):
        claim_folder(Path('/proc/none/work'))

    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(files.fcntl, 'flock', refuse)
    with claim_folder(tmp_path / 'work'), claim_folder(tmp_path / 'work'):
        pass
