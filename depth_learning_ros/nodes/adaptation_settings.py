# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What adaptation_node can be told; all of it is read at the start."""

from __future__ import annotations

from depth_learning_ros.adaptation.config import METHODS
from depth_learning_ros.engine.zoom import MAX_ZOOM
from depth_learning_ros.stream import Setting
from depth_learning_ros.stream.settings import TRANSPORTS


def _fixed(name: str, default: object, about: str, minimum: float | None = None,
           maximum: float | None = None, choices: tuple[str, ...] = ()) -> Setting:
    return Setting(name, default, about, minimum, maximum, choices, fixed=True)


_UNTOLD = 'where the target node has not told its own by then.'

SETTINGS = (
    _fixed('model', 'crl-small', 'Network to begin with: a shipped name, or the path of a '
                                 '.safetensors file; it is never written to.'),
    _fixed('folder', '', 'Where frames, state and adapted weights are kept; empty = '
                         'adaptation/NAME OF THE NODE in the cache folder of the user.'),
    _fixed('config', '', 'YAML file with settings of a round (see docs/adaptation.md); empty = '
                         'the defaults.'),
    _fixed('method', '', 'How it learns, instead of what config says: zole, tonioni or '
                         'photometric; empty = as config says.', choices=('', *METHODS)),
    _fixed('steps', 0, 'Steps of a round, instead of what config says; 0 = as config says.', 0,
           1_000_000),
    _fixed('target_node', 'stereo_node', 'Node whose parameter model is set to what the gate '
                                         'accepted; empty = none.'),
    _fixed('autostart', False, 'Begin at once; else the service ~/start does.'),
    _fixed('backend', 'auto', f'What the engine is built with, {_UNTOLD}'),
    _fixed('precision', 'auto', f'Precision of the engine, {_UNTOLD}'),
    _fixed('zoom', 0.0, f'Zoom that the engine is built for, {_UNTOLD}', 0.0, MAX_ZOOM),
    _fixed('cache_dir', '', f'Where the engine is kept, {_UNTOLD}'),
    _fixed('bags', ('',), 'Bags to learn from instead of the topics: rosbag2 folders, .mcap, '
                          '.db3 or ROS 1 .bag files; empty = none.'),
    _fixed('bag_left', '', 'Left image topic of the bags; empty = it is found.'),
    _fixed('bag_right', '', 'Right image topic of the bags; empty = it is found.'),
    _fixed('buffer_frames', 300, 'Pairs kept on disk, as different as can be.', 10, 100_000),
    _fixed('sample_period_s', 0.5, 'A pair is taken at most so often, in seconds.', 0.0, 3600.0),
    _fixed('share', 0.0, 'Share of its time that it takes steps and validates; it sleeps for the '
                         'rest. 0 = 0.1 on a GPU, which has no priorities, else 1. Rendering, '
                         'judging and building take all their time.', 0.0, 1.0),
    _fixed('threads', 1, 'CPU threads that it computes with; the engine that it builds and '
                         'checks after a round takes as many as any engine.', 1, 256),
    _fixed('niceness', 19, 'Priority: 0 as others, 19 = only time that nobody else wants.', 0, 19),
    _fixed('queue_size', 5, 'Messages kept of each topic until their partners come.', 1, 100),
    _fixed('image_transport', 'raw', 'raw, or compressed: images come on image_rect/compressed.',
           choices=TRANSPORTS),
    _fixed('approximate_sync', False, 'Pair images by nearest stamps, not by equal ones.'),
    _fixed('approximate_sync_tolerance_seconds', 0.01, 'How far stamps of a pair may be apart '
                                                       'with approximate_sync, in seconds.',
           0.0, 1.0),
)
