# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from depth_learning_ros.stream.sync_watch import SyncWatch

MS = 1_000_000


def watch(queue_size: int = 2):
    drops = []
    return SyncWatch(queue_size, lambda *drop: drops.append(drop)), drops


def test_pairs_are_no_drops():
    sync, drops = watch()
    for stamp in range(0, 1000 * MS, 33 * MS):
        assert not sync.arrived('left', stamp) and not sync.arrived('right', stamp)
        sync.paired(stamp, stamp)
    assert drops == []


def test_what_the_queue_cannot_hold_is_dropped_with_the_distance_to_the_nearest():
    sync, drops = watch()
    for stamp in (0, 100, 200, 300):
        sync.arrived('left', stamp * MS)
        sync.arrived('right', (stamp + 8) * MS)
    assert drops == [('left', 8.0), ('right', 8.0)] * 2
    alone, drops = watch()
    for stamp in (0, 100, 200):
        alone.arrived('left', stamp * MS)
    assert drops == [('left', None)]


def test_time_set_back():
    sync, drops = watch()
    for stamp in (5000, 5100):
        assert not sync.arrived('left', stamp * MS)
    assert not sync.arrived('left', 3200 * MS)  # late, not back
    drops.clear()
    assert sync.arrived('left', 100 * MS)
    assert len(drops) == 2  # what waited
    assert not sync.arrived('left', 200 * MS)
