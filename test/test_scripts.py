# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scripts that write tables: ablations and model cards."""

import importlib.util
from pathlib import Path

import pytest

from depth_learning_ros.training.config import TrainingConfig

BENCHMARKS = Path(__file__).parent.parent / 'benchmarks'


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def ablations():
    return load('ablations')


@pytest.fixture(scope='module')
def cards():
    return load('model_cards')


def test_changes_lead_into_nested_settings(ablations):
    base = {'seed': 1, 'stages': [{'batch': 8}]}
    changed = ablations.changed(base, {'stages.0.batch': 4, 'generator.grain': False, 'seed': 2})
    assert changed == {'seed': 2, 'stages': [{'batch': 4}], 'generator': {'grain': False}}
    assert base == {'seed': 1, 'stages': [{'batch': 8}]}


def test_every_experiment_is_a_configuration(ablations):
    base = ablations.base_settings(ablations.parse([]))
    for name, changes in ablations.experiments().items():
        config = TrainingConfig.from_dict(ablations.changed(base, changes))
        assert name == 'unchanged' or config != TrainingConfig.from_dict(base)


def test_the_table_compares_with_the_unchanged_run(ablations):
    row = {'samples': '16', 'loss': '2', 'val_epe': '3', 'val_d1': '30', 'val_first_epe': '',
           'val_first_d1': ''}
    text = ablations.table({'unchanged': row, 'no grain': {**row, 'val_d1': '32.5'}})
    assert text.splitlines()[2] == '| unchanged | 16 | 2.00 | 3.00 | 30.0 |  |'
    assert text.splitlines()[3] == '| no grain | 16 | 2.00 | 3.00 | 32.5 | +2.5 |'


def test_the_cards_are_those_of_the_files(cards):
    text = cards.DOCUMENT.read_text()
    assert cards.updated(text) == text, 'run python benchmarks/model_cards.py'
    with pytest.raises(ValueError, match='lacks the marks'):
        cards.updated('no marks')


def test_no_card_lacks_its_words(cards):
    for entry, info in cards.shipped():
        assert entry['name'] in cards.WORDS, f'say in {cards.__file__} where it fails'
        assert info.name == entry['name'] and info.licence == entry['licence']
