# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import ast
import errno
import io
import logging
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
import types

import pytest

from depth_learning_ros import cli
from depth_learning_ros.cli.progress import PERCENT, Meter, progress
from depth_learning_ros.errors import DataError

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ('numpy', 'cv2', 'torch', 'openvino', 'onnxruntime', 'onnx', 'rosbags', 'tqdm',
         'safetensors', 'rclpy')


def call(*arguments, **options):
    return subprocess.run(
        [sys.executable, '-m', 'depth_learning_ros', *arguments], cwd=ROOT, text=True,
        capture_output=True, timeout=60, check=False, **options)


def loaded_by(code):
    code += f'; import sys; print([m for m in {HEAVY} if m in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True,
                          timeout=60, check=True)
    return done.stdout.strip().splitlines()[-1]


def test_importing_the_command_line_loads_nothing_heavy():
    assert loaded_by('import depth_learning_ros.cli') == '[]'


@pytest.mark.parametrize('name', sorted(cli.COMMANDS))
def test_help_of_each_command_loads_nothing_heavy(name):
    code = f'from depth_learning_ros.cli import main; assert main([{name!r}, "-h"]) == 0'
    assert loaded_by(code) == '[]'


def test_help_lists_all_commands():
    done = call('--help')
    assert done.returncode == 0
    for name, (_, text) in cli.COMMANDS.items():
        assert name in done.stdout and text in ' '.join(done.stdout.split())


def test_version():
    done = call('--version')
    assert done.returncode == 0
    assert done.stdout.startswith('depth-learning ')


def test_no_command_shows_the_help_and_fails():
    done = call()
    assert done.returncode == 2 and 'COMMAND' in done.stderr and done.stdout == ''


def test_unknown_command_suggests_the_nearest():
    done = call('evaluat')
    assert done.returncode == 2
    assert "did you mean 'evaluate'" in done.stderr


@pytest.mark.parametrize(('arguments', 'text'), [
    (['models', '--jsn'], "there is no option '--jsn'; did you mean '--json'?"),
    # No abbreviations: --js could one day mean something else.
    (['models', '--js'], "there is no option '--js'; did you mean '--json'?"),
    (['infer', 'a', 'b', '-o', 'c.png', '--colour=d.png'], "did you mean '--color'?"),
    (['models', '--everything'], "there is no option '--everything'"),
    (['models', 'crl'], "'crl' is one argument too many"),
])
def test_unknown_arguments_are_usage_errors(arguments, text, capsys):
    assert cli.main(arguments) == 2
    what, remedy = capsys.readouterr().err.splitlines()
    assert text in what and remedy.startswith(f"'depth-learning {arguments[0]} --help'")


@pytest.mark.parametrize(('arguments', 'text'), [
    (['infer', 'a', 'b', '-o', 'c.png', '--zoom', 'big'], "'big' is no factor: give auto, or a"),
    (['train', 'c.yaml', '-o', 'run', '--minutes', 'ten'], "'ten' is no time: give minutes"),
    (['train', 'c.yaml', '-o', 'run', '--minutes', 'inf'], "'inf' is no time: give minutes"),
    (['scenes', '--count', '-1'], "'-1' scenes are none: give a number"),
    (['scenes', '--count', 'two'], "'two' scenes are none: give a number")])
def test_wrong_values_of_options_are_named(arguments, text, capsys):
    assert cli.main(arguments) == 2
    assert text in capsys.readouterr().err


def test_help_fills_paragraphs_and_leaves_what_is_indented(monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '50')
    assert cli.main(['evaluate', '--help']) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith('Figures are means over'))
    assert 40 < max(map(len, lines[first:first + 5])) <= 50 - 2  # argparse leaves a margin of 2
    command = next(n for n, line in enumerate(lines) if 'split=testing --model' in line)
    assert lines[command].endswith(' \\') and lines[command + 1] == '      --submission upload'


def test_whatever_may_be_missing_says_what_brings_it():
    """Libraries that are imported somewhere, less what the package always brings and ROS 2."""
    brought = {'numpy', 'cv2', 'rosbags', 'backports', 'compression', 'lz4', 'ruamel', 'tqdm',
               'tensorrt', 'depth_learning_ros'}
    imported = {
        name.partition('.')[0]
        for path in (ROOT / 'depth_learning_ros').rglob('*.py') if path.parent.name != 'nodes'
        for node in ast.walk(ast.parse(path.read_text()))
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                     else [node.module or ''] if isinstance(node, ast.ImportFrom) else [])}
    missing = imported - brought - set(sys.stdlib_module_names)
    assert {'torch', 'onnx', 'yaml', 'cyclonedds'} <= missing
    extras = (ROOT / 'setup.py').read_text()
    for name in missing:
        extra = cli._what_brings(name)
        assert extra is not None, name
        assert f"'{extra.partition('[')[2].rstrip(']')}': " in extras


def test_commands_exist_with_both_functions():
    from importlib import import_module
    for module, _ in cli.COMMANDS.values():
        loaded = import_module(module)
        assert callable(loaded.add_arguments) and callable(loaded.run)


@pytest.fixture
def fake(monkeypatch):
    """A command whose run is what the test sets."""
    module = types.ModuleType('fake_command')
    module.add_arguments = lambda parser: parser.add_argument('--n', type=int)
    module.run = lambda args: 0
    monkeypatch.setitem(sys.modules, 'fake_command', module)
    monkeypatch.setitem(cli.COMMANDS, 'fake', ('fake_command', 'does nothing'))
    return module


def raising(error):
    def run(args):
        raise error
    return run


@pytest.mark.parametrize(('error', 'status', 'text'), [
    (DataError('no such thing: make one'), 1, 'depth-learning: error: no such thing: make one\n'),
    (KeyboardInterrupt(), 130, 'interrupted'),
    (OSError(errno.ENOSPC, 'No space left on device'), 1, 'error: the disk is full: free some'),
    (cli.UsageError('choose'), 2, 'fake: error: choose'),
    (ModuleNotFoundError('x', name='openvino.runtime'), 1, "'depth_learning_ros[cpu]'"),
    (ModuleNotFoundError('x', name='torch'), 1, "'depth_learning_ros[train]'"),
    (ModuleNotFoundError('x', name='onnx'), 1, "'depth_learning_ros[train]'"),
    (ModuleNotFoundError('x', name='tensorboard'), 1, "pip install 'tensorboard'")])
def test_errors_become_statuses(fake, capsys, error, status, text):
    fake.run = raising(error)
    assert cli.main(['fake']) == status
    assert text in capsys.readouterr().err


def test_bugs_are_not_hidden(fake):
    fake.run = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(['fake'])
    fake.run = raising(OSError(errno.EIO, 'Input/output error'))
    with pytest.raises(OSError, match='Input/output'):
        cli.main(['fake'])
    fake.run = raising(ModuleNotFoundError('x', name='depth_learning_ros.missing'))
    with pytest.raises(ModuleNotFoundError):
        cli.main(['fake'])


def test_status_of_the_command_is_returned(fake):
    fake.run = lambda args: args.n
    assert cli.main(['fake', '--n', '7']) == 7


def test_verbose_may_stand_before_or_after_the_command(fake):
    levels = []
    fake.run = lambda args: levels.append(
        logging.getLogger('depth_learning_ros').getEffectiveLevel()) or 0
    for arguments in (['fake'], ['-v', 'fake'], ['fake', '-v'], ['fake', '-vv']):
        cli.main(arguments)
    assert levels == [logging.WARNING, logging.INFO, logging.INFO, logging.DEBUG]


def test_log_goes_to_standard_error(fake, capsys):
    fake.run = lambda args: logging.getLogger('depth_learning_ros.x').warning('look %d', 3) or 0
    assert cli.main(['fake']) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ('', 'depth-learning: WARNING: look 3\n')


def test_reader_that_goes_away_is_no_traceback():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, '-m', 'depth_learning_ros', '--version'], cwd=ROOT,
                          stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == ''


def test_sigterm_unwinds_the_stack(tmp_path):
    code = f"""
import sys, time, types
from depth_learning_ros import cli
def run(args):
    try:
        print('ready', flush=True)
        time.sleep(30)
    finally:
        open({str(tmp_path / 'cleaned')!r}, 'w').close()
module = types.ModuleType('fake_command')
module.run, module.add_arguments = run, lambda parser: None
sys.modules['fake_command'] = module
cli.COMMANDS['fake'] = 'fake_command', 'waits'
sys.exit(cli.main(['fake']))
"""
    with subprocess.Popen([sys.executable, '-c', code], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b'ready\n'
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 143
    assert (tmp_path / 'cleaned').exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_log_file_gets_a_line_every_ten_seconds():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter('replaying', 30, 'frame', stream=stream, clock=lambda: now[0])
    for done in range(1, 31):
        now[0] += 1
        meter.update(done)
    meter.close()
    assert stream.getvalue().splitlines() == [
        'replaying: 10 of 30 frames, 10 s, 1 per s, about 20 s left',
        'replaying: 20 of 30 frames, 20 s, 1 per s, about 10 s left',
        'replaying: 30 of 30 frames, 30 s, 1 per s, about 0 s left']


def test_log_line_without_a_known_total():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter('reading', unit='message', stream=stream, clock=lambda: now[0])
    now[0] = 20
    meter.update(5)
    assert stream.getvalue() == 'reading: 5 messages, 20 s, 0.25 per s\n'


def test_log_line_of_work_that_is_counted_in_shares():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter('train', 1000, PERCENT, stream=stream, clock=lambda: now[0])
    for done in (0, 125):
        now[0] += 10
        meter.update(done)
    assert stream.getvalue().splitlines() == [
        'train: 0.0 %, 10 s', 'train: 12.5 %, 20 s, about 70 s left']


def test_what_a_resumed_run_did_before_does_not_count_as_done_now():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter('train', 1000, PERCENT, stream=stream, clock=lambda: now[0])
    for time_s, done in ((1, 500), (11, 510), (21, 520)):
        now[0] = time_s
        meter.update(done)
    assert stream.getvalue().splitlines() == [
        'train: 51.0 %, 11 s, about 490 s left', 'train: 52.0 %, 21 s, about 480 s left']


def test_the_first_word_of_slow_work_has_a_rate():
    now = iter([0.0, 20.0])
    stream = io.StringIO()
    Meter('adapt', 4, 'step', stream=stream, clock=lambda: next(now)).update(1)
    assert stream.getvalue() == 'adapt: 1 of 4 steps, 20 s, 0.05 per s\n'


def test_what_is_left_goes_by_the_pace_of_the_last_minute():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter('adapt', 250, 'step', stream=stream, clock=lambda: now[0])
    for done in range(1, 131):  # the first 10 steps take 10 s each, the others one
        now[0] += 10 if done <= 10 else 1
        meter.update(done)
    lines = stream.getvalue().splitlines()
    assert lines[9].endswith('10 of 250 steps, 100 s, 0.1 per s, about 2400 s left')
    # 220 s: a minute ago it was at 70
    assert lines[-1].endswith('130 of 250 steps, 220 s, 0.614 per s, about 120 s left')


def test_a_bar_of_a_resumed_run_shows_the_rate_of_now():
    stream = Terminal()
    meter = Meter('long', 1000, 'frame', stream=stream)
    meter.update(500)
    assert (meter._bar.initial, meter._bar.n) == (500, 500)
    meter.close()


def test_terminal_shows_nothing_for_short_work():
    stream = Terminal()
    meter = Meter('short', 3, stream=stream)
    for done in range(1, 4):
        meter.update(done)
    meter.close()
    assert stream.getvalue().strip('\r \n') == ''


def test_terminal_shows_a_bar_for_long_work(monkeypatch):
    monkeypatch.setattr('depth_learning_ros.cli.progress.BAR_DELAY_S', 0.01)
    stream = Terminal()
    meter = Meter('long', 3, 'frame', stream=stream)
    time.sleep(0.2)
    meter.update(2)
    meter.close()
    assert 'long' in stream.getvalue() and '2/3' in stream.getvalue()


def test_progress_yields_everything_and_closes(capsys):
    assert list(progress([1, 2, 3], label='x')) == [1, 2, 3]
    assert list(progress(iter('ab'), label='x')) == ['a', 'b']
    assert capsys.readouterr().err == ''
