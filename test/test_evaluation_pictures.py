# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.evaluation.cloud_page import write_cloud_page
from depth_learning_ros.evaluation.cloud_view import Viewpoint, render_cloud
from depth_learning_ros.evaluation.colors import (
    DEPTH_TABLE,
    DISPARITY_TABLE,
    UNKNOWN_RGB,
    color_depth,
    color_disparity,
    color_error,
    depth_range,
    disparity_range,
)
from depth_learning_ros.evaluation.panels import (
    GAP_PX,
    HEADER_PX,
    TILE_WIDTH_PX,
    comparison_panel,
    scene_panel,
)
from depth_learning_ros.types import PointCloud

NAN = np.nan
RED, GREEN = (200, 0, 0), (0, 200, 0)


def floats(*rows):
    return np.array(rows, np.float32)


def test_disparity_colours():
    image = color_disparity(floats([0, 10, 20, NAN]), max_px=10)
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == DISPARITY_TABLE[0].tolist()
    assert image[0, 1].tolist() == image[0, 2].tolist() == DISPARITY_TABLE[-1].tolist()
    assert image[0, 3].tolist() == UNKNOWN_RGB.tolist()
    # Near is brighter than far, and nothing known looks like the unknown.
    assert DISPARITY_TABLE[-1].sum() > 3 * DISPARITY_TABLE[0].sum()


def test_depth_colours():
    image = color_depth(floats([1, 10, 100, np.inf, -np.inf, NAN]), 1, 100)
    assert image[0, 0].tolist() == DEPTH_TABLE[0].tolist()
    assert image[0, 1].tolist() == DEPTH_TABLE[128].tolist()  # half way on a logarithmic scale
    assert image[0, 2].tolist() == image[0, 3].tolist() == DEPTH_TABLE[-1].tolist()
    assert image[0, 4].tolist() == image[0, 5].tolist() == UNKNOWN_RGB.tolist()


def test_kitti_error_colours():
    truth = floats([10, 10, 10, 200, 0, NAN])
    image = color_error(floats([10, 12.9, 14, 206, 200, 5]), truth)[0].tolist()
    assert image[0] == [49, 54, 149]
    assert image[1] == [224, 243, 248]  # 2.9 / 3 px: the last blue
    assert image[2] == [254, 224, 144]  # 4 / 3 px: the first yellow
    assert image[3] == [224, 243, 248]  # 6 px, but 3 %: 0.6 of the bound
    assert image[4] == [165, 0, 38]
    assert image[5] == [0, 0, 0]


def test_sparse_truth_is_drawn_wider():
    truth = np.full((5, 5), NAN, np.float32)
    truth[2, 2] = 10
    image = color_error(np.full((5, 5), 10, np.float32), truth)
    assert np.count_nonzero(image.any(axis=2)) == 9


def test_ranges_bear_what_is_unknown():
    assert disparity_range(floats([NAN])) == 1
    assert depth_range(floats([NAN, np.inf])) == (1, 10)
    near, far = depth_range(floats([3, 3]))
    assert near == 3 and far > near


def test_scene_panel_has_a_tile_for_each_thing_known():
    left = np.full((40, 80, 3), 120, np.uint8)
    disparity = np.full((40, 80), 4, np.float32)
    full = scene_panel(left, disparity, depth_m=disparity, truth=disparity, model='sgbm')
    height = HEADER_PX + TILE_WIDTH_PX // 2 + GAP_PX
    assert full.shape == (2 * height + GAP_PX, 2 * (TILE_WIDTH_PX + GAP_PX) + GAP_PX, 3)
    assert scene_panel(left, disparity).shape[0] == height + GAP_PX
    y, x = GAP_PX + HEADER_PX + 20, GAP_PX + 20
    assert full[y, x].tolist() == [120] * 3  # the left image
    assert full[y + height, x + TILE_WIDTH_PX + GAP_PX].tolist() == [49, 54, 149]  # no error


def test_comparison_panel_shows_each_model_under_its_name():
    left = np.zeros((40, 80, 3), np.uint8)
    flat = np.full((40, 80), 4, np.float32)
    gaps = np.full((40, 80), NAN, np.float32)
    with_truth = comparison_panel(left, [('a', flat), ('b', gaps)], flat)
    without = comparison_panel(left, [('a', flat), ('b', gaps)])
    step = HEADER_PX + TILE_WIDTH_PX // 2 + GAP_PX
    assert with_truth.shape[0] == 3 * step + GAP_PX
    assert without.shape[0] == 2 * step + GAP_PX
    # b knows nothing: filled with 0 it is 4 px off, 4 / 3 of the bound.
    corner = with_truth[2 * step + GAP_PX + HEADER_PX + 9, TILE_WIDTH_PX + 2 * GAP_PX + 9]
    assert corner.tolist() == [254, 224, 144]


@pytest.fixture
def cloud():
    """A green wall at 4 m with a red board at 2 m before its middle; a corner is unknown."""
    height, width, focal = 60, 80, 60.0
    depth = np.full((height, width), 4.0, np.float32)
    depth[20:40, 30:50] = 2.0
    depth[:5, :5] = NAN
    x = (np.arange(width) - 39.5) / focal * depth
    y = ((np.arange(height) - 29.5) / focal)[:, None] * depth
    colors = np.full((height, width, 3), GREEN, np.uint8)
    colors[20:40, 30:50] = RED
    return PointCloud.from_arrays(np.stack([x, y, depth], axis=2).astype(np.float32), colors)


def test_rendered_cloud_shows_what_is_near_before_what_is_far(cloud):
    straight = Viewpoint(yaw_deg=0, pitch_deg=0, distance=1, far_percentile=100)
    image = render_cloud(cloud, 160, 120, straight)
    assert image.shape == (120, 160, 3) and image.dtype == np.uint8
    assert image[60, 80].tolist() == list(RED)
    assert image[60, 20].tolist() == list(GREEN)
    # Seen head on, the wall is closed: no holes around the board but its own edge.
    assert np.all(image[20:30, 20:140] == GREEN)


def test_rendered_cloud_turns(cloud):
    def red_column(yaw_deg):
        image = render_cloud(cloud, 160, 120, Viewpoint(yaw_deg, 0, 1, 100))
        return np.nonzero((image[..., 0] > 120) & (image[..., 1] < 60))[1].mean()
    # From the left, what is near moves to the right.
    assert red_column(20) > red_column(0) + 5 > red_column(-20) + 10


def test_empty_cloud_is_refused(cloud):
    empty = PointCloud.from_arrays(np.full_like(cloud.points, NAN), cloud.colors)
    with pytest.raises(DataError, match='no points'):
        render_cloud(empty)


def page_parts(path):
    text = path.read_text()
    scene = json.loads(re.search(r'const scene = (\{.*\});', text)[1])
    positions = np.frombuffer(base64.b64decode(re.search(
        r"Uint16Array\(bytes\('([^']*)'\)", text)[1]), '<u2').reshape(-1, 3)
    colors = np.frombuffer(base64.b64decode(re.search(
        r"const colors = bytes\('([^']*)'\)", text)[1]), np.uint8).reshape(-1, 3)
    return text, scene, np.float64(scene['low']) + positions / 65535 * scene['extent'], colors


def test_page_is_self_contained_and_holds_the_points(cloud, tmp_path):
    count = write_cloud_page(tmp_path / 'c.html', cloud, title='<board>')
    text, scene, points, colors = page_parts(tmp_path / 'c.html')
    assert count == len(points) == len(colors)
    assert '&lt;board&gt;' in text and '<board>' not in text
    assert not re.search(r'https?:|src=|@[A-Z]+@', text)
    # The board keeps its place and colour.
    board = points[(colors == RED).all(axis=1)]
    assert len(board) > 200 and np.allclose(board[:, 2], 2, atol=1e-3)
    # Its right border is at 9.5 px from the middle; the edge pixel itself is left out.
    assert board[:, 0].max() == pytest.approx(8.5 / 60 * 2, abs=1e-3)
    assert scene['spacing'] == pytest.approx(1 / 60, rel=0.01)


def test_page_thins_evenly(cloud, tmp_path):
    count = write_cloud_page(tmp_path / 'c.html', cloud, max_points=500)
    _, _, points, _ = page_parts(tmp_path / 'c.html')
    assert 450 <= count <= 550
    left = np.count_nonzero(points[:, 0] < 0)
    assert abs(left / count - 0.5) < 0.05


def test_page_needs_its_suffix(cloud, tmp_path):
    with pytest.raises(DataError, match=r'\.html'):
        write_cloud_page(tmp_path / 'c.txt', cloud)
