# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import shutil

import pytest


@pytest.fixture(scope='session')
def workspace(tmp_path_factory) -> Path:
    """Where the package and its messages were built, once for all tests."""
    if shutil.which('colcon') is None:
        pytest.skip('needs colcon: pip install colcon-common-extensions')
    from workspace import build
    folder = tmp_path_factory.mktemp('ws')
    build(folder)
    return folder
