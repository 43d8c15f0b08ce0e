# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import pytest

from depth_learning_ros.errors import BagError
from depth_learning_ros.replay.topics import StereoTopics, TopicWishes, find_stereo_topics

TYPES = {'image': 'sensor_msgs/msg/Image', 'compressed': 'sensor_msgs/msg/CompressedImage',
         'info': 'sensor_msgs/msg/CameraInfo', 'tf': 'tf2_msgs/msg/TFMessage'}


@dataclass(frozen=True)
class Topic:
    name: str
    type_name: str
    count: int = 5


def topics(*names: str, empty: tuple[str, ...] = ()) -> dict[str, Topic]:
    found = {}
    for name in names:
        kind = 'info' if name.endswith('info') else 'tf' if name == '/tf' else \
            'compressed' if name.endswith(('compressed', 'compressedDepth')) else 'image'
        found[name] = Topic(name, TYPES[kind], 0 if name in empty else 5)
    return found


@pytest.mark.parametrize(('left', 'right', 'left_info', 'right_info', 'namespace'), [
    ('/stereo/left/image_rect', '/stereo/right/image_rect',
     '/stereo/left/camera_info', '/stereo/right/camera_info', '/stereo'),
    ('/left/image_raw', '/right/image_raw', '/left/camera_info', '/right/camera_info', ''),
    ('/a/b/left/image_rect_color/compressed', '/a/b/right/image_rect_color/compressed',
     '/a/b/left/camera_info', '/a/b/right/camera_info', '/a/b'),
    ('/kitti/camera_gray_left/image_raw', '/kitti/camera_gray_right/image_raw',
     '/kitti/camera_gray_left/camera_info', '/kitti/camera_gray_right/camera_info', '/kitti'),
    ('/cam0/image_raw', '/cam1/image_raw', '/cam0/camera_info', '/cam1/camera_info', ''),
    ('/kitti/image_0', '/kitti/image_1',
     '/kitti/image_0/camera_info', '/kitti/image_1/camera_info', '/kitti'),
    ('/d435/infra1/image_rect_raw', '/d435/infra2/image_rect_raw',
     '/d435/infra1/camera_info', '/d435/infra2/camera_info', '/d435'),
    ('/rig/leftCamera/rect/image', '/rig/rightCamera/rect/image',
     '/rig/leftCamera/camera_info', '/rig/rightCamera/camera_info', '/rig'),
    ('/zed/left_image_rect', '/zed/right_image_rect',
     '/zed/left_camera_info', '/zed/right_camera_info', '/zed'),
    ('/Left/image', '/Right/image', '/Left/camera_info', '/Right/camera_info', ''),
    ('/s/l/image', '/s/r/image', '/s/l/camera_info', '/s/r/camera_info', '/s'),
])
def test_names_of_stereo_pairs(left, right, left_info, right_info, namespace):
    found = find_stereo_topics(topics(left, right, left_info, right_info, '/tf', '/odom/image'))
    assert found == StereoTopics(left, right, left_info, right_info)
    assert found.namespace == namespace


def test_rectified_is_preferred_then_colour_then_uncompressed():
    infos = ('/s/left/camera_info', '/s/right/camera_info')
    names = [f'/s/{side}/{image}' for side in ('left', 'right') for image in (
        'image_raw', 'image_mono', 'image_rect', 'image_rect/compressed',
        'image_rect_color/compressed', 'image_rect_color', 'image_rect/compressedDepth')]
    assert find_stereo_topics(topics(*names, *infos)).left == '/s/left/image_rect_color'
    names = [n for n in names if 'color' not in n]
    assert find_stereo_topics(topics(*names, *infos)).left == '/s/left/image_rect'
    names = [n for n in names if not n.endswith('image_rect')]
    assert find_stereo_topics(topics(*names, *infos)).left == '/s/left/image_rect/compressed'


def test_two_rigs_are_not_guessed():
    names = [f'/{rig}/{side}/{name}' for rig in ('front', 'rear') for side in ('left', 'right')
             for name in ('image_rect', 'camera_info')]
    with pytest.raises(BagError, match='there are 2 stereo pairs') as error:
        find_stereo_topics(topics(*names))
    for text in (*names, '--left and --right', 'sensor_msgs/msg/CameraInfo'):
        assert text in str(error.value)
    found = find_stereo_topics(topics(*names), TopicWishes(left='/rear/left/image_rect'))
    assert found.right == '/rear/right/image_rect'
    assert found.right_info == '/rear/right/camera_info'


def test_four_numbered_cameras_are_not_guessed():
    names = [f'/cam{i}/{name}' for i in range(4) for name in ('image_raw', 'camera_info')]
    with pytest.raises(BagError, match='there are 3 stereo pairs'):
        find_stereo_topics(topics(*names))


def test_a_topic_without_messages_does_not_count():
    names = ('/s/left/image_rect', '/s/right/image_rect', '/s/left/image_raw',
             '/s/right/image_raw', '/s/left/camera_info', '/s/right/camera_info')
    found = find_stereo_topics(topics(*names, empty=('/s/right/image_rect',)))
    assert found.left == '/s/left/image_raw'


@pytest.mark.parametrize('names', [
    ('/tf',), ('/s/left/image_rect', '/s/left/camera_info'),
    ('/a/image', '/b/image', '/a/camera_info', '/b/camera_info'),
    ('/left/image', '/elsewhere/right/image')])
def test_no_pair(names):
    with pytest.raises(BagError, match='no stereo pair was found: give --left and --right') as e:
        find_stereo_topics(topics(*names))
    assert all(name in str(e.value) for name in names)


def test_a_bag_without_images_lists_what_it_has():
    with pytest.raises(BagError, match='There are no image topics; there are /tf'):
        find_stereo_topics(topics('/tf'))


@pytest.mark.parametrize(('missing', 'option'), [('left', '--left-info'),
                                                  ('right', '--right-info')])
def test_missing_camera_info(missing, option):
    names = {'/s/left/image_rect', '/s/right/image_rect', '/s/left/camera_info',
             '/s/right/camera_info'} - {f'/s/{missing}/camera_info'}
    with pytest.raises(
            BagError, match=f'no camera_info for /s/{missing}/image_rect: give {option}'):
        find_stereo_topics(topics(*names))


def test_named_topics_are_taken():
    names = topics('/a', '/b', '/x/info', '/y/info')
    found = find_stereo_topics(names, TopicWishes('a', '/b', '/x/info', 'y/info'))
    assert found == StereoTopics('/a', '/b', '/x/info', '/y/info')


@pytest.mark.parametrize(('wishes', 'message'), [
    (TopicWishes(left='/s/lift/image_rect'),
     r'--left /s/lift/image_rect is not in the bag: did you mean /s/left/image_rect\?'),
    (TopicWishes(left='/s/left/camera_info'), r'--left .* is a sensor_msgs/msg/CameraInfo'),
    (TopicWishes(left_info='/tf'), r'--left-info /tf is a tf2_msgs/msg/TFMessage: expected'),
    (TopicWishes(right='/empty'), '--right /empty has no messages'),
    (TopicWishes('/s/left/image_rect', '/s/left/image_rect'), 'left and right are both'),
    (TopicWishes(left_info='/s/left/camera_info', right_info='/s/left/camera_info'),
     'left and right would both use'),
])
def test_wrong_wishes(wishes, message):
    names = topics('/s/left/image_rect', '/s/right/image_rect', '/s/left/camera_info',
                   '/s/right/camera_info', '/tf', '/empty', empty=('/empty',))
    with pytest.raises(BagError, match=message):
        find_stereo_topics(names, wishes)
