# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered drive as a bag, which part of a bag the demo uses, and what it measures in it."""

from dataclasses import replace
import math

from bags import BagMessage, StereoBag, messages, write_bag, write_stereo_bag
import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import STORE, make, read_message, standard_type
from depth_learning_ros.demo.inputs import choose_part
from depth_learning_ros.demo.measure import measure, read_view
from depth_learning_ros.demo.scene import DemoScene, Pose
from depth_learning_ros.demo.sequence import TRUTH_TOPIC, write_sequence
from depth_learning_ros.demo.transforms import camera_transform, quaternion
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.messages import camera_from_info, disparity_from_message, image_to_rgb
from depth_learning_ros.replay.output import open_output

DISPARITY = 'stereo_msgs/msg/DisparityImage'


@pytest.fixture(scope='module')
def scene():
    return DemoScene(96, 64)


@pytest.fixture(scope='module')
def sequence(tmp_path_factory, scene):
    path = tmp_path_factory.mktemp('sequence') / 'drive.mcap'
    write_sequence(path, 3, scene=scene)
    return path


def test_bag_holds_what_was_rendered(sequence, scene):
    """Read it as somebody else would: by rosbags, with the definitions in the file."""
    store = get_typestore(Stores.EMPTY)
    found = {}
    with Reader(sequence) as reader:
        for connection in reader.connections:
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        for connection, time_ns, data in reader.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            found.setdefault(connection.topic, []).append((time_ns, message))
    assert {topic: len(items) for topic, items in found.items()} == {
        '/camera/left/image_rect': 3, '/camera/right/image_rect': 3,
        '/camera/left/camera_info': 3, '/camera/right/camera_info': 3,
        TRUTH_TOPIC: 3, '/tf': 3, '/tf_static': 1}
    for index in range(3):
        frame = scene.frame(index)
        left, right = (found[f'/camera/{side}/image_rect'][index][1] for side in
                       ('left', 'right'))
        assert left.encoding == 'rgb8'
        np.testing.assert_array_equal(image_to_rgb(left), frame.left)
        np.testing.assert_array_equal(image_to_rgb(right), frame.right)
        disparity, focal, baseline = disparity_from_message(found[TRUTH_TOPIC][index][1])
        np.testing.assert_array_equal(disparity.values, frame.disparity)
        assert (focal, baseline) == (75.0, pytest.approx(0.12))  # 96 / 640 of 500 px
    stamps = [(m.header.stamp.sec, m.header.stamp.nanosec) for _, m in
              found['/camera/left/image_rect']]
    assert [nanoseconds for _, nanoseconds in stamps] == [0, 100_000_000, 200_000_000]
    camera = camera_from_info(*(found[f'/camera/{side}/camera_info'][0][1]
                                for side in ('left', 'right')))
    assert (camera.focal_px, camera.cx, camera.cy) == (75.0, 47.5, 31.5)
    assert camera.baseline_m == pytest.approx(0.12)
    frames = {topic: items[0][1].header.frame_id for topic, items in found.items()
              if topic.startswith('/camera')}
    assert frames['/camera/left/image_rect'] == 'camera_left_optical_frame'
    assert frames['/camera/right/camera_info'] == 'camera_right_optical_frame'


def test_same_arguments_give_the_same_file(tmp_path, sequence, scene):
    done = []
    write_sequence(tmp_path / 'again.mcap', 3, scene=scene,
                   on_progress=lambda *progress: done.append(progress))
    assert done == [(1, 3), (2, 3), (3, 3)]
    again = (tmp_path / 'again.mcap').read_bytes().replace(b'again.mcap', b'drive.mcap')
    assert again == sequence.read_bytes()


def test_sequence_replaces_nothing_unasked(sequence, scene):
    before = sequence.read_bytes()
    with pytest.raises(DataError, match='exists already'):
        write_sequence(sequence, 1, scene=scene)
    assert sequence.read_bytes() == before


def test_pose_in_odom_by_hand():
    """5 m down the hall and 1 m to the right, 0.9 m high, looking 90 degrees to the right."""
    stamp = make('builtin_interfaces/msg/Time', sec=1, nanosec=2)
    message = camera_transform(make, stamp, Pose((1.0, -0.9, 5.0), math.pi / 2, 0.0))
    transform = message.transforms[0]
    assert (transform.header.frame_id, transform.child_frame_id) == (
        'odom', 'camera_left_optical_frame')
    at, turn = transform.transform.translation, transform.transform.rotation
    assert (at.x, at.y, at.z) == (5.0, -1.0, 0.9)  # ahead, to the right (-y), up
    # The camera's z axis must point along -y of odom, its x axis along -x, its y axis down.
    x, y, z, w = turn.x, turn.y, turn.z, turn.w
    columns = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]).T
    np.testing.assert_allclose(columns, [[-1, 0, 0], [0, 0, -1], [0, -1, 0]], atol=1e-12)


@pytest.mark.parametrize('expected', [
    (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0.5, 0.5, -0.5, 0.5)])
def test_quaternion_of_known_rotations(expected):
    x, y, z, w = expected
    matrix = [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
              [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
              [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]
    found = quaternion(matrix)
    assert np.allclose(found, expected) or np.allclose(found, np.negative(expected))


def test_part_of_a_drive(sequence, scene):
    whole = choose_part(sequence, None, TRUTH_TOPIC, None)
    assert (whole.frames, whole.of_frames, whole.duration_s) == (3, 3, None)
    assert whole.truth_topic == TRUTH_TOPIC and whole.max_from_truth
    largest = max(float(scene.frame(index).disparity.max()) for index in range(3))
    assert largest + 1 <= whole.max_disparity < largest + 17 and whole.max_disparity % 16 == 0
    two = choose_part(sequence, 2, TRUTH_TOPIC, 20)
    assert (two.frames, two.of_frames, two.duration_s) == (2, 3, pytest.approx(0.15))
    assert two.max_disparity == 32 and not two.max_from_truth
    assert choose_part(sequence, 3, TRUTH_TOPIC, None).duration_s is None


def test_part_of_a_bag_without_truth(tmp_path):
    write_stereo_bag(tmp_path / 'bag', frames=2)
    part = choose_part(tmp_path / 'bag', None, TRUTH_TOPIC, None)
    assert (part.truth_topic, part.max_disparity, part.max_from_truth) == (None, 128, False)


def test_part_of_what_is_no_stereo_bag(tmp_path):
    with pytest.raises(BagError, match='no bag at'):
        choose_part(tmp_path / 'missing.mcap', None, TRUTH_TOPIC, None)
    bag = StereoBag(frames=2)
    write_bag(tmp_path / 'left', 'mcap', [m for m in messages(bag) if '/left/' in m.topic])
    with pytest.raises(BagError, match='no stereo pair'):
        choose_part(tmp_path / 'left', None, TRUTH_TOPIC, None)
    write_bag(tmp_path / 'wrong', 'mcap', [
        m._replace(topic=TRUTH_TOPIC) if m.topic.endswith('left/camera_info') else m
        for m in messages(bag)] + list(messages(replace(bag, start_ns=bag.start_ns + 10**9))))
    with pytest.raises(BagError, match='expected stereo_msgs/msg/DisparityImage'):
        choose_part(tmp_path / 'wrong', None, TRUTH_TOPIC, None)


def changed(source, target, change):
    """Copy the ground truth of a bag as a model's output, its values changed."""
    from depth_learning_ros.replay.bag import Bag
    with Bag(source) as bag, open_output(target, compression='none', force=False) as output:
        output.add_topic('/out', standard_type(DISPARITY))
        for number, raw in enumerate(bag.messages([TRUTH_TOPIC])):
            message = read_message(bytearray(raw.data), DISPARITY)
            values = message.image.data.view(np.float32).reshape(64, 96).copy()
            change(number, values)
            image = replace(message.image, data=values.reshape(-1).view(np.uint8))
            output.write('/out', raw.log_time_ns,
                         serialize(replace(message, image=image, max_disparity=100.0), DISPARITY))


def test_figures_by_hand(tmp_path, sequence):
    """Exact; 4 px too much in the left half (D1 50 %); half of the rows unknown in the last."""
    def change(number, values):
        if number == 1:
            values[:, :48] += 4
        if number == 2:
            values[1::2] = 0

    changed(sequence, tmp_path / 'out.mcap', change)
    part = choose_part(sequence, None, TRUTH_TOPIC, None)
    quality = measure(sequence, part, tmp_path / 'out.mcap', '/out', shown=1)
    assert quality.frames_with_truth == 3
    assert quality.density_percent == pytest.approx((100 + 100 + 50) / 3)
    # Rows that are filled from the smaller of their neighbours are off by little.
    assert 2 / 3 <= quality.epe_px < 2 / 3 + 0.3
    assert 50 / 3 <= quality.d1_percent < 50 / 3 + 1
    difference = quality.shot.disparity - quality.shot.truth
    np.testing.assert_allclose(difference[:, :48], 4, rtol=1e-5)
    np.testing.assert_array_equal(difference[:, 48:], 0)


def test_figures_without_truth(tmp_path, sequence):
    changed(sequence, tmp_path / 'out.mcap', lambda number, values: values[:16].fill(0))
    part = replace(choose_part(sequence, None, TRUTH_TOPIC, None), truth_topic=None)
    quality = measure(sequence, part, tmp_path / 'out.mcap', '/out', shown=0)
    assert math.isnan(quality.epe_px) and math.isnan(quality.d1_percent)
    assert quality.density_percent == 75 and quality.shot.truth is None


def test_nothing_to_measure(tmp_path, sequence):
    changed(sequence, tmp_path / 'out.mcap', lambda number, values: None)
    part = choose_part(sequence, None, TRUTH_TOPIC, None)
    with pytest.raises(BagError, match='no message'):
        read_view(tmp_path / 'out.mcap', '/out', '/out', '/out', at_ns=1)
    write_bag(tmp_path / 'empty', 'mcap', [
        BagMessage('/out', DISPARITY, 5, _tiny_disparity())])
    quality = measure(sequence, part, tmp_path / 'empty', '/out', shown=0)
    assert quality.frames_with_truth == 0  # its stamp is that of no frame


def _tiny_disparity():
    stamp = make('builtin_interfaces/msg/Time', sec=1, nanosec=0)
    header = make('std_msgs/msg/Header', stamp=stamp, frame_id='camera')
    image = make('sensor_msgs/msg/Image', header=header, height=1, width=2, encoding='32FC1',
                 is_bigendian=0, step=8, data=np.ones(2, np.float32).view(np.uint8))
    window = STORE.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return make(DISPARITY, header=header, image=image, f=1.0, t=0.1, valid_window=window,
                min_disparity=0.1, max_disparity=10.0, delta_d=0.1)
