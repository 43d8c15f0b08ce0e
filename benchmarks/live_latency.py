#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `depth-learning live` adds to the pipeline: three processes on DDS topics of this machine.

A camera process publishes pairs, a live process computes with an engine that takes no time, and a
listener takes the time at which each result has come. The age of a result is the time from the
moment at which the camera begins to send its two images to its arrival. Added latency is its age
less what the pipeline takes up to that result when it runs alone, in the same process at the same
rate. Frames that do not arrive are counted, and the memory of the live process is followed.

The three share the machine's cores with whatever else runs; `chrt -f 1` before the command keeps
that out.

    python benchmarks/live_latency.py                        # both sizes, 10 Hz
    python benchmarks/live_latency.py --rate 30 --size 640x480 --outputs depth --seconds 180
"""

from __future__ import annotations

import argparse
from collections import defaultdict
import json
import multiprocessing
from multiprocessing.connection import Connection
import os
from pathlib import Path
import random
import statistics
import sys
import threading
import time

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import CAMERA_INFO, IMAGE, make
from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.live.inputs import camera_topics
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.process import LiveProcess
from depth_learning_ros.live.qos import RELIABLE
from depth_learning_ros.live.tuning import tune_process
from depth_learning_ros.live.watch import _header_stamp_ns
from depth_learning_ros.messages import OUTPUT_TYPES, MessageWriter
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.stream import StereoSettings
from depth_learning_ros.types import StereoCamera, StereoPair

_WARM_UP_S = 2.0
_ALONE_RUNS = 30


class InstantEngine(Engine):
    """Gives the same disparity at once, so that only the rest takes time."""

    def __init__(self) -> None:
        self.info = EngineInfo('instant', 'numpy', np.__version__, 'fp32', 'cpu',
                               outputs=('disparity',))
        self._disparity = np.empty(0, np.float32)

    def prepare(self, height: int, width: int) -> None:
        self._disparity = np.full((1, height, width), 20.0, np.float32)

    def infer(self, inputs):
        return {'disparity': self._disparity}

    def close(self) -> None:
        pass


def resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def growth_kb_per_minute(memory_mb: list[float]) -> float:
    """Fit a line through the memory of each second, without the first quarter (warming up)."""
    values = memory_mb[len(memory_mb) // 4:]
    return float(np.polyfit(range(len(values)), values, 1)[0] * 60e3) if len(values) > 1 else 0.0


def pipeline_alone_ms(size: tuple[int, int], rate: float,
                      outputs: tuple[str, ...]) -> dict[str, float]:
    """Return the median time from images to each output."""
    width, height = size
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    pair = StereoPair(image, image, camera_of(size))
    steps: dict[str, list[float]] = {'disparity': [], 'depth': [], 'points2': []}
    with StereoPipeline(InstantEngine()) as pipeline:
        pipeline.prepare(height, width)
        for _ in range(_ALONE_RUNS):
            time.sleep(1 / rate)
            seconds = pipeline.process(pair, outputs).seconds
            until = 0.0
            for output, stage in (('disparity', 'engine'), ('depth', 'depth'),
                                  ('points2', 'points')):
                until += 1e3 * seconds.get(stage, 0.0)
                steps[output].append(until)
    return {name: statistics.median(values) for name, values in steps.items()}


def camera_of(size: tuple[int, int]) -> StereoCamera:
    width, height = size
    return StereoCamera(width, height, 0.8 * width, width / 2, height / 2, 0.12)


def live(domain: int, size: tuple[int, int], rate: float, outputs: tuple[str, ...],
         pipe: Connection) -> None:
    """Compute until told to stop; report stages, drops and memory."""
    tune_process()
    alone_ms = pipeline_alone_ms(size, rate, outputs)
    topics = [t for side in ('left', 'right') for t in camera_topics(side, f'/{side}/image_rect')]
    settings = StereoSettings(model='bm', outputs=outputs)
    memory = []
    with Participant('bench_live', domain=domain) as participant, LiveProcess(
            participant, topics, settings,
            open_model=lambda settings, say: InstantEngine()) as process:
        process.start()
        stop = threading.Event()
        threading.Thread(target=process.run, args=(stop,), daemon=True).start()
        pipe.send('ready')
        while not pipe.poll(1.0):
            memory.append(resident_mb())
        stop.set()
        figures = process.stream.statistics.figures()
        pipe.send({'alone_ms': alone_ms,
                   'stages': {n: t.median_ms for n, t in figures.stages.items()},
                   'dropped': dict(figures.dropped), 'results': figures.results,
                   'memory': memory, 'problems': process.stream.said.present()})


def camera(domain: int, size: tuple[int, int], rate: float, seconds: float,
           pipe: Connection) -> None:
    """Publish pairs at a rate; report how many, from when measuring begins."""
    tune_process()
    width, height = size
    writer = MessageWriter(make)
    rgb = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    model = camera_of(size)
    with Participant('bench_camera', domain=domain) as participant:
        images = {side: participant.publisher(f'/{side}/image_rect', IMAGE, RELIABLE)
                  for side in ('left', 'right')}
        infos = {side: participant.publisher(f'/{side}/camera_info', CAMERA_INFO, RELIABLE)
                 for side in ('left', 'right')}
        participant.start()
        while not all(w.subscribers for w in (*images.values(), *infos.values())):
            time.sleep(0.05)
        sent, begin = [], time.monotonic()
        for index in range(round((seconds + _WARM_UP_S) * rate)):
            time.sleep(max(0.0, begin + index / rate - time.monotonic()))
            stamp_ns = time.time_ns()
            header = make('std_msgs/msg/Header', frame_id='left', stamp=make(
                'builtin_interfaces/msg/Time', sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9))
            for info, side in zip(writer.camera_infos(model, header), images, strict=True):
                infos[side].send(*serialize(info, CAMERA_INFO))
            image = serialize(writer.image(rgb, header), IMAGE)
            begin_ns = time.time_ns()
            for topic in images.values():
                topic.send(*image, checked=True)
            if index >= _WARM_UP_S * rate:
                sent.append((stamp_ns, begin_ns))
        time.sleep(1.0)
        pipe.send(sent)


def listener(domain: int, outputs: tuple[str, ...], pipe: Connection) -> None:
    """Take the time of arrival of every result."""
    tune_process()
    arrived: dict[str, dict[int, int]] = defaultdict(dict)
    with Participant('bench_listener', domain=domain) as participant:
        for name in outputs:
            participant.subscription(
                f'/{name}', OUTPUT_TYPES[name], RELIABLE, lambda message, name=name:
                arrived[name].__setitem__(_header_stamp_ns(message.cdr), time.time_ns()))
        participant.start()
        pipe.send('ready')
        pipe.recv()
    pipe.send(dict(arrived))


def measure(size: tuple[int, int], rate: float, seconds: float,
            outputs: tuple[str, ...], cores: tuple[set[int], set[int]] | None = None,
            ) -> dict[str, object]:
    """Run the three processes once.

    Args:
        cores: for camera and listener, which never work at once, and for the live process.
    """
    domain = random.SystemRandom().randint(34, 100)
    context = multiprocessing.get_context('spawn')
    pipes = {}

    def start(function, *arguments):
        pipes[function], theirs = context.Pipe()
        process = context.Process(target=function, args=(domain, *arguments, theirs))
        process.start()
        if cores:
            os.sched_setaffinity(process.pid, cores[function is live])
        return process

    processes = [start(live, size, rate, outputs), start(listener, outputs)]
    pipes[live].recv(), pipes[listener].recv()
    processes.append(start(camera, size, rate, seconds))
    sent = pipes[camera].recv()
    pipes[listener].send('stop'), pipes[live].send('stop')
    arrived, found = pipes[listener].recv(), pipes[live].recv()
    for process in processes:
        process.join()
    alone_ms = found['alone_ms']
    result: dict[str, object] = {
        'size': f'{size[0]}x{size[1]}', 'rate_hz': rate, 'frames': len(sent),
        'pipeline_alone_ms': round(max(alone_ms.values()), 2), 'dropped': found['dropped'],
        'stages_ms': {n: round(v, 2) for n, v in found['stages'].items()},
        'memory_mb': [round(found['memory'][i], 1) for i in (len(found['memory']) // 4, -1)],
        'memory_growth_kb_per_minute': round(growth_kb_per_minute(found['memory']), 1),
        'problems': found['problems']}
    for name in outputs:
        found_at = arrived.get(name, {})
        ages = sorted((found_at[stamp] - begin) / 1e6 for stamp, begin in sent
                      if stamp in found_at)
        if ages:
            alone = alone_ms.get(name, max(alone_ms.values()))
            result[name] = {
                'lost': len(sent) - len(ages), 'age_ms': round(statistics.median(ages), 2),
                'added_ms': round(statistics.median(ages) - alone, 2),
                'added_best_tenth_ms': round(ages[len(ages) // 10] - alone, 2),
                'age_p95_ms': round(ages[int(0.95 * len(ages))], 2)}
        else:
            result[name] = {'lost': len(sent)}
    return result


def core_set(text: str) -> set[int]:
    """Read ``2`` or ``0-3``."""
    first, _, last = text.partition('-')
    return set(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', action='append', help='WIDTHxHEIGHT (default: both of them)')
    parser.add_argument('--rate', type=float, default=10.0)
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument('--outputs', default='disparity,depth,points2')
    parser.add_argument('--cores', help='such as 0:1, or 0-3:4-7: cores of camera and listener, '
                        'and of the live process (default: as the system schedules them)')
    args = parser.parse_args()
    cores = None if args.cores is None else tuple(map(core_set, args.cores.split(':')))
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for text in args.size or ['640x480', '1242x375']:
        width, height = (int(part) for part in text.split('x'))
        print(json.dumps(measure((width, height), args.rate, args.seconds,
                                 tuple(args.outputs.split(',')), cores)), flush=True)


if __name__ == '__main__':
    main()
