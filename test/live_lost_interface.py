# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A program for a network of its own: ``live`` works, the interface goes, comes back, and so on.

    unshare --user --map-root-user --net python live_lost_interface.py
"""

from __future__ import annotations

import itertools
import subprocess
import time

from bags import StereoBag, make_image, make_info
from live_peers import Robot, command, free_domain, wait_for

from depth_learning_ros.cdr.store import CAMERA_INFO, IMAGE
from depth_learning_ros.live.qos import SENSOR_DATA
from depth_learning_ros.messages import OUTPUT_TYPES

CAMERA = StereoBag(width=96, height=48, prefix='/camera')
GONE_S = 3.0


def interface(state: str) -> None:
    """Set the only interface up or down."""
    subprocess.run(['ip', 'link', 'set', 'lo', state], check=True)


def main() -> None:
    """Fail when no depth comes after the interface came back."""
    interface('up')
    domain, numbers = free_domain(), itertools.count()
    with Robot(domain) as robot, command(
            domain, 'live', '--left', CAMERA.topic('left'), '--right', CAMERA.topic('right'),
            '--model', 'bm', '--set', 'max_disparity=16') as live:
        robot.listen('/camera/depth', OUTPUT_TYPES['depth'])
        depths = robot.messages['/camera/depth']

        def shoot() -> None:
            index = next(numbers)
            for side in ('left', 'right'):
                for topic, kind, message in (
                        (CAMERA.topic(side, 'camera_info'), CAMERA_INFO,
                         make_info(CAMERA, index, side)),
                        (CAMERA.topic(side), IMAGE, make_image(CAMERA, index, side))):
                    robot.say(topic, kind, message, SENSOR_DATA)
            time.sleep(0.1)

        live.wait_for_output('bm runs on opencv')
        wait_for(lambda: depths or shoot(), 'a depth')
        interface('down')
        end_s, seen = time.monotonic() + GONE_S, 0
        while time.monotonic() < end_s:
            shoot()
            seen = len(depths)
        interface('up')
        wait_for(lambda: len(depths) > seen or shoot(), 'a depth after the interface came back',
                 60)
        assert live.stop() == 0 and 'Traceback' not in live.output, live.output
    print('survived')


if __name__ == '__main__':
    main()
