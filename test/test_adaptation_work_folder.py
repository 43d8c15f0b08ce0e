# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folder an adaptation works in: whose it is, what goes on from it, what is cleared away."""

from __future__ import annotations

import json
from pathlib import Path
import shutil

from adaptation_parts import accept_all, pair, pairs, small, write_folder, write_scenes
from adaptation_runs import make_folders, run
import pytest

from depth_learning_ros.adaptation import run as run_module
from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.folders import folder_log
from depth_learning_ros.adaptation.run import Outputs, adapt
from depth_learning_ros.adaptation.work_folder import MARKER, WorkFolder
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError, TrainingError
from depth_learning_ros.files import claim_folder
from depth_learning_ros.types import StereoPair


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = make_folders(tmp_path_factory.mktemp('adapt'))
    write_folder(root / 'other', [pair(seed) for seed in range(40, 52)])
    return root


@pytest.fixture
def output(tmp_path):
    return tmp_path / 'new.safetensors'


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def interrupt(patch, what=(Adapter, 'step')):
    patch.setattr(*what, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))


@pytest.fixture
def interrupted(folders, output, monkeypatch):
    """A run that was killed when its frames were there, and no state."""
    with monkeypatch.context() as patch:
        interrupt(patch)
        with pytest.raises(KeyboardInterrupt):
            run(folders, output)
    assert names(output.with_suffix('.work')) == [MARKER, 'frames', 'intake.json']
    return output


@pytest.mark.parametrize('force', [False, True])
def test_a_folder_of_the_users_that_is_named_so_is_never_touched(folders, output, force):
    work = output.with_suffix('.work')
    (work / 'thesis').mkdir(parents=True)
    (work / 'thesis' / 'chapter.tex').write_text('years')
    with pytest.raises(DataError, match='holds thesis, and no adaptation made it'):
        run(folders, output, force=force)
    assert (work / 'thesis' / 'chapter.tex').read_text() == 'years'
    assert names(work) == ['thesis']
    shutil.rmtree(work)
    work.write_text('a file of mine')
    with pytest.raises(DataError, match='is a file: a folder is needed there'):
        run(folders, output, force=force)
    assert work.read_text() == 'a file of mine'


def test_of_two_runs_with_one_output_the_second_is_refused(folders, output, interrupted):
    work = interrupted.with_suffix('.work')
    frames = names(work / 'frames')
    with claim_folder(work):
        for options in ({}, {'force': True}, {'resume': True}):
            with pytest.raises(DataError, match=f'another process is at work in {work}'):
                run(folders, output, **options)
    assert names(work / 'frames') == frames


def test_a_run_holds_its_folder_to_the_end(folders, output, monkeypatch):
    finish, refused = run_module._finish, []

    def ask(*arguments):
        with pytest.raises(DataError, match='another process'):
            claim_folder(output.with_suffix('.work'))
        refused.append(True)
        return finish(*arguments)

    monkeypatch.setattr(run_module, '_finish', ask)
    run(folders, output)
    assert refused
    claim_folder(output.with_suffix('.work')).close()


def test_other_logs_are_refused_on_resume_by_name(folders, output, interrupted):
    work = output.with_suffix('.work')
    with pytest.raises(TrainingError, match=(
            f'learns from {folders / "log"}, not from {folders / "other"}: resume it with its '
            f'own logs, or begin again with --force')):
        run(folders, output, log='other', resume=True)
    for changes, what in (({'max_frames': 11}, 'max_frames was 20, is 11'),
                          ({'noise_gray': 3.0}, r'noise_gray was 0\.75, is 3\.0')):
        with pytest.raises(TrainingError, match=what):
            run(folders, output, small(**changes), resume=True)
    assert names(work) == [MARKER, 'frames', 'intake.json']  # still to be gone on with
    run(folders, output, resume=True)
    assert json.loads(output.with_suffix('.json').read_text())['sources'] == [str(folders / 'log')]


def test_the_order_of_the_logs_does_not_matter_on_resume(folders, output, monkeypatch):
    def both(first, second, **options):
        return adapt([folder_log(folders / name) for name in (first, second)],
                     folders / 'tiny.safetensors', Outputs.beside(output), small(),
                     lambda *_: (folders / 'learned', folders / 'held-out'), **options)

    with monkeypatch.context() as patch:
        interrupt(patch)
        with pytest.raises(KeyboardInterrupt):
            both('log', 'other')
    both('other', 'log', resume=True)


def test_logs_that_are_refused_leave_no_frames(folders, output, tmp_path):
    wide = [pair(seed, width=320, height=160) for seed in range(6)]
    write_folder(tmp_path / 'swapped', [StereoPair(each.right, each.left) for each in wide])
    with pytest.raises(DataError, match='swapped'):
        run(folders, output, log=tmp_path / 'swapped')
    assert names(tmp_path) == ['swapped']


@pytest.mark.parametrize('at', ['intake.json', 'frames', MARKER])
def test_a_kill_while_it_is_cleared_away_leaves_nothing_to_go_on_with(tmp_path, monkeypatch, at):
    work = WorkFolder(tmp_path / 'work')
    with work.claim():
        work.frames.mkdir()
        for path in (work.state, work.intake, work.frames / 'a'):
            path.touch()
        unlink, rmtree = Path.unlink, shutil.rmtree

        def killed(real):
            def do(path, *arguments, **options):
                if Path(path).name == at:
                    raise KeyboardInterrupt
                real(path, *arguments, **options)
            return do

        monkeypatch.setattr(Path, 'unlink', killed(unlink))
        monkeypatch.setattr(shutil, 'rmtree', killed(rmtree))
        with pytest.raises(KeyboardInterrupt):
            work.remove()
    assert not work.state.exists() and (work.path / MARKER).exists()
    assert at == 'intake.json' or not work.intake.exists()
    monkeypatch.undo()
    with work.claim():
        work.remove()
    assert not work.path.exists()


def test_a_machine_that_does_not_see_the_output_says_so(folders, output):
    class Elsewhere(Workers):
        def by_first(self, work):
            return {}

    with pytest.raises(DataError, match=r'not to be seen from here.*all machines share'):
        run(folders, output, workers=Elsewhere())


def test_scenes_that_are_added_to_the_cache_change_nothing(folders, tmp_path, monkeypatch):
    """Another run, with more scenes, fills the same cache while this one is interrupted."""
    accept_all(monkeypatch)
    cache = tmp_path / 'cache'
    write_scenes(cache / 'learned', 2)
    write_scenes(cache / 'held-out', 1)

    def seen(name, **options):
        output = tmp_path / f'{name}.safetensors'
        adapt([folder_log(folders / 'log')], folders / 'tiny.safetensors',
              Outputs.beside(output), small(synthetic_share=0.9),
              lambda *_: (cache / 'learned', cache / 'held-out'), **options)
        found = json.loads(output.with_suffix('.json').read_text())
        return [each['synthetic'] for each in found['losses']], [
            each['synthetic_epe'] for each in found['validations']], output.read_bytes()

    whole = seen('whole')
    step = Adapter.step
    with monkeypatch.context() as patch:
        patch.setattr(Adapter, 'step', lambda self: step(self) if self.step_number < 2 else (
            _ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            seen('again')
    for folder in ('learned', 'held-out'):
        more = write_scenes(tmp_path / 'more' / folder, 9)
        for path in sorted(more.iterdir())[5:]:
            shutil.copy(path, cache / folder / path.name)
    assert seen('again', resume=True) == whole


def test_unreadable_parts_of_a_log_are_counted_in_the_report(folders, output, tmp_path, caplog):
    log = write_folder(tmp_path / 'log', pairs(14))
    cut = log / 'right' / '000003.png'
    cut.write_bytes(cut.read_bytes()[:200])
    run(folders, output, log=log)
    found = json.loads(output.with_suffix('.json').read_text())
    causes = list(found['skipped_frames'].items())
    assert len(causes) == 1 and '000003.png' in causes[0][0] and causes[0][1] == 1
    assert sum(found['frames'].values()) == 13
    assert '000003.png' in output.with_suffix('.html').read_text()
    assert f'{log} was not read as a whole' in caplog.text
