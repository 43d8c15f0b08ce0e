# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scenes command: a folder by one or several processes, or a page to look at."""

import cv2
import numpy as np
import pytest

from depth_learning_ros.cli import main
from depth_learning_ros.data.images import write_image
from depth_learning_ros.data.synthetic.pool import ScenePool

SMALL = ['--size', '96x64']


def test_several_processes_render_what_one_does(tmp_path, capsys):
    one, two = tmp_path / 'one', tmp_path / 'two'
    assert main(['scenes', '-o', str(one), '--count', '2', *SMALL]) == 0
    assert main(['scenes', '-o', str(two), '--count', '2', '--workers', '2', *SMALL]) == 0
    pools = [ScenePool(folder) for folder in (one, two)]
    assert len(pools[0]) == len(pools[1]) == 2
    for number in range(2):
        a, b = (pool[number] for pool in pools)
        assert all(np.array_equal(a[name], b[name]) for name in a)
    assert (one / 'scenes.json').read_text() == (two / 'scenes.json').read_text()
    # another seed would be another set of scenes
    assert main(['scenes', '-o', str(one), '--count', '3', '--seed', '2', *SMALL]) == 1
    assert 'another folder' in capsys.readouterr().err


def test_a_sheet_shows_images_over_disparities(tmp_path, capsys):
    picture = tmp_path / 'sheet.png'
    arguments = ['scenes', '--sheet', str(picture), '--count', '3', '--worlds', 'table', *SMALL]
    assert main(arguments) == 0
    image = cv2.imread(str(picture))
    assert image.shape == (400, 4 * 304 - 4, 3)  # a row of four cells, image and disparity
    assert image[:, :300].std() > 10 and (image[:, 3 * 304:] == 255).all()
    assert main(arguments) == 1  # it exists
    assert '--force' in capsys.readouterr().err


def test_pictures_of_the_user_are_textures(tmp_path):
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    write_image(pictures / 'a.png', np.full((80, 80, 3), (200, 30, 30), np.uint8))
    folder = tmp_path / 'out'
    assert main(['scenes', '-o', str(folder), '--count', '1', '--textures', str(pictures),
                 *SMALL]) == 0
    assert '"textures": "' in (folder / 'scenes.json').read_text()


@pytest.mark.parametrize('arguments, status, message', [
    ([], 2, '--output FOLDER or --sheet'),
    (['--sheet', 'a.png', '--count', '65'], 2, 'up to 64'),
    (['-o', 'x', '--size', '640'], 2, 'no size'),
    (['-o', 'x', '--count', '0'], 2, 'none'),
    (['-o', 'x', '--device', 'gpu'], 2, '--device gpu cannot be used here'),
    (['-o', 'x', '--worlds', 'sea'], 1, 'sea'),
    (['-o', 'x', '--textures', 'nowhere'], 1, 'nowhere')])
def test_what_makes_no_sense_is_refused(tmp_path, monkeypatch, capsys, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    assert main(['scenes', *arguments]) == status
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
