# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command that reads released weights, and the page that tells of it."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip('torch')

from caffemodels import net, network_layers  # noqa: E402
from released_networks import (  # noqa: E402
    LEFT_MEAN,
    MEANS,
    authors_network,
    narrow_releases,
    outputs,
)

from depth_learning_ros.cli import main  # noqa: E402
from depth_learning_ros.models import releases  # noqa: E402
from depth_learning_ros.models.caffe_names import CRL, TABLES  # noqa: E402
from depth_learning_ros.models.checkpoint import load_checkpoint  # noqa: E402
from depth_learning_ros.models.flops import count_parameters  # noqa: E402
from depth_learning_ros.models.registry import CONFIGS, config_of  # noqa: E402
from depth_learning_ros.models.releases import RELEASES  # noqa: E402

DOCUMENT = Path(__file__).parent.parent / 'docs' / 'weights.md'


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    narrow_releases(monkeypatch)


@pytest.fixture
def write(tmp_path):
    def write_file(layers):
        path = tmp_path / 'released.caffemodel'
        path.write_bytes(net(layers))
        return path
    return write_file


def test_command_writes_a_file_that_loads(write, tmp_path, capsys):
    theirs = authors_network('crl')
    path = write(MEANS + network_layers(theirs, CRL))
    out = tmp_path / 'crl.safetensors'
    assert main(['import-weights', str(path), '-o', str(out)]) == 0
    printed = capsys.readouterr()
    table = printed.out.splitlines()
    assert table[0].split() == ['layer', 'Caffe', 'layer', 'shape', 'values']
    assert ['stage2.residual1', 'Convolution8_s2', '1', 'x', '5', 'x', '5', 'x', '5', '126'] in [
        line.split() for line in table]
    assert 'placed    61 layers' in printed.out
    assert 'mean      left 0.3800 0.4100 0.4400, right 0.3700 0.4200 0.4300' in printed.out
    assert 'wrote' in printed.err and 'warning' not in printed.err
    network, info = load_checkpoint(out)
    assert info.mean_left == pytest.approx(LEFT_MEAN)
    for a, b in zip(outputs(theirs), outputs(network), strict=True):
        assert torch.equal(a, b)


def test_command_warns_of_what_differs(write, tmp_path, capsys):
    layers = MEANS + network_layers(
        authors_network('crl'), {k: v for k, v in CRL.items() if v != 'conv4'},
        deconvolution_bias=0.5)
    out = str(tmp_path / 'crl.safetensors')
    assert main(['import-weights', str(write(layers)), '-o', out]) == 1
    assert not (tmp_path / 'crl.safetensors').exists()
    assert 'stage1.conv4' in capsys.readouterr().err
    assert main(['import-weights', str(write(layers)), '-o', out, '--partial']) == 0
    printed = capsys.readouterr()
    assert 'unfilled  stage1.conv4 (no layer conv4 in the file)' in printed.out
    assert 'deconv5 (up to 0.5)' in printed.err and '1 layers hold random' in printed.err


def test_command_refuses_bad_outputs_before_reading(tmp_path, capsys):
    missing = str(tmp_path / 'none.caffemodel')
    assert main(['import-weights', missing, '-o', str(tmp_path / 'crl.bin')]) == 2
    assert 'must end in .safetensors' in capsys.readouterr().err
    out = tmp_path / 'crl.safetensors'
    out.write_text('precious')
    assert main(['import-weights', missing, '-o', str(out)]) == 1
    assert '--force' in capsys.readouterr().err
    assert main(['import-weights', missing, '-o', str(out), '--force']) == 1
    assert 'No such file' in capsys.readouterr().err
    assert out.read_text() == 'precious'


def test_command_refuses_weights_that_are_not_finite(write, tmp_path, capsys):
    theirs = authors_network('dispnets')
    with torch.no_grad():
        theirs.conv4.weight[0, 0, 0, 0] = float('nan')
    path = write(MEANS + network_layers(theirs, TABLES['dispnets']))
    assert main(['import-weights', str(path), '-o', str(tmp_path / 'x.safetensors')]) == 1
    assert 'conv4.weight' in capsys.readouterr().err
    assert not (tmp_path / 'x.safetensors').exists()


def commands(name):
    lines = DOCUMENT.read_text().splitlines()
    found = [line.split()[1:] for line in lines if line.startswith(f'depth-learning {name} ')]
    assert found
    return found


def test_commands_of_the_document(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for file, release, means in (('crl', 'crl', MEANS), ('zole', 'zole', []),
                                 ('disp_flyKitti', 'dispfulnet', MEANS),
                                 ('svs_end2end', 'svs-stereo', [])):
        network = authors_network(release)
        made = write(means + network_layers(network, releases.RELEASES[release].layers))
        made.rename(f'{file}.caffemodel')
    for arguments in commands('import-weights'):
        assert main(arguments) == 0, arguments
    from depth_learning_ros.cli import _build_parser
    for arguments in commands('infer'):
        assert _build_parser(arguments)[0].parse_args(arguments).model == 'crl.safetensors'


@pytest.mark.parametrize('name', [*RELEASES])
def test_figures_of_the_document(name):
    rows = [line for line in DOCUMENT.read_text().splitlines() if f'| `{name}` |' in line]
    cells = [cell.strip() for cell in rows[0].split('|')]
    config = config_of(name if name in CONFIGS else RELEASES[name].config.architecture)
    assert cells[-3:-1] == [str(len(RELEASES[name].layers)), f'{count_parameters(config):,}']
