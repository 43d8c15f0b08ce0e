# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""adaptation_node: lets the network of a running stereo_node learn the place it is in.

A process of its own at low priority, so that depth goes on as before. What it learned is judged on
frames it never learned from, built, checked, and only then handed to stereo_node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
import time
from typing import Any

from message_filters import ApproximateTimeSynchronizer, TimeSynchronizer
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_srvs.srv import Trigger

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import TRAIN
from depth_learning_ros.adaptation.models_in_use import Model
from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.adaptation.scene_cache import scene_maker, scenes_below
from depth_learning_ros.adaptation.threads import limit_threads, usual_share
from depth_learning_ros.engine import open_engine
from depth_learning_ros.engine.cache import default_cache_dir
from depth_learning_ros.errors import DataError, MessageError
from depth_learning_ros.files import claim_folder
from depth_learning_ros.messages import stamp_ns
from depth_learning_ros.nodes.adaptation_bags import BagFeeder
from depth_learning_ros.nodes.adaptation_services import answer, rollback, save
from depth_learning_ros.nodes.adaptation_settings import SETTINGS
from depth_learning_ros.nodes.adaptation_status import status_message
from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.hand_over import HandOver
from depth_learning_ros.nodes.inputs import Inputs
from depth_learning_ros.nodes.log import forward_logging
from depth_learning_ros.nodes.parameters import descriptor
from depth_learning_ros.nodes.priority import lower_priority
from depth_learning_ros.nodes.qos import latched_qos
from depth_learning_ros.nodes.run import run_node
from depth_learning_ros.replay.topics import TopicWishes
from depth_learning_ros.stream.newest import NewestWorker
from depth_learning_ros.stream.say_once import SayOnce
from depth_learning_ros.stream.sync import SIDES
from depth_learning_ros.stream.sync_watch import SyncWatch
from depth_learning_ros.types import StereoPair

_STATUS_S = 1.0


class AdaptationNode(Node):
    """Subscribes to ``left/image_rect`` and ``right/image_rect``, and publishes ``~/status``.

    With the parameter ``bags`` it reads those and subscribes to nothing.
    It does what the services ``~/start``, ``~/stop``, ``~/save`` and ``~/rollback`` say.

    Args:
        lower_priority: called with the niceness before any thread of this package is started, as
            a priority is that of a thread and is inherited. Those of DDS are there by then and
            keep theirs: no camera is to wait until somebody acknowledges its images.

    Attributes:
        adapter: what it is around.
        stopped_in_time: whether all threads ended when the node was destroyed.

    Raises:
        DepthLearningError: the settings or the model it is to begin with are of no use, or
            another process keeps what it learns in the same folder.
    """

    def __init__(self, lower_priority: Callable[[int], object] = lambda niceness: None,
                 **options: Any) -> None:
        super().__init__('adaptation_node', **options)
        self._forwarding = forward_logging(self.get_logger())
        self.values = {row.name: row.checked(self.declare_parameter(
            row.name, list(row.default) if isinstance(row.default, tuple) else row.default,
            descriptor(row)).value) for row in SETTINGS}
        lower_priority(self.values['niceness'])
        limit_threads(self.values['threads'])
        self._said = SayOnce(self._say)
        self._hand_over = HandOver(self, self.values['target_node'])
        self._publisher = self._status_publisher()
        self._changed = self.create_guard_condition(self._publish_status)
        self._claim = claim_folder(self._folder())
        self.adapter = self._make_adapter()
        if self.adapter.models.changed_ever:  # what it begins with is the target's own affair
            self._hand_over_model(self.adapter.models.current)
        self._frame_id, self._last_ns = '', 0
        self._intake: NewestWorker[tuple[Any, Any]] = NewestWorker(self._take, 'adaptation-intake')
        self._wanted = bool(self.values['autostart'])
        self._bags, self._told_read = self._bag_feeder(), False
        self.stopped_in_time = True
        if self._bags is None:
            self._subscribe()
        services: dict[str, Callable[[], str]] = {
            'start': self._start, 'stop': self._stop, 'save': partial(save, self.adapter),
            'rollback': partial(rollback, self.adapter)}
        for name, work in services.items():
            self.create_service(Trigger, f'~/{name}', partial(self._serve, work))
        # simulated time can stand still
        self.create_timer(_STATUS_S, self._look,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))
        if self._bags is not None:
            self._bags.start()
        elif self._wanted:
            self.adapter.start()

    def destroy_node(self) -> None:
        """Save what was learned, end the threads, and free the node."""
        ended = (self._bags is None or self._bags.close(), self._intake.close(),
                 self.adapter.close())
        self.stopped_in_time = all(ended)
        if self.stopped_in_time:  # else it may still write
            self._claim.close()
        self._forwarding.remove()
        super().destroy_node()

    def _make_adapter(self) -> OnlineAdapter:
        values = self.values
        config = AdaptationConfig.read(Path(values['config']).expanduser()) \
            if values['config'] else AdaptationConfig()
        changes: dict[str, Any] = {'method': values['method']} if values['method'] else {}
        if values['steps']:
            changes |= {'steps': values['steps'], 'minutes': 0.0}
        return OnlineAdapter(
            self._folder(), values['model'], config.with_changes(**changes),
            scene_maker(scenes_below(default_cache_dir())), self._install, self._hand_over_model,
            self._tell_change, capacity=values['buffer_frames'],
            share=values['share'] or usual_share())

    def _folder(self) -> Path:
        folder = self.values['folder']
        if folder:
            return Path(folder).expanduser()
        # two nodes must not learn into one folder
        return default_cache_dir() / 'adaptation' / self.get_fully_qualified_name().strip('/')

    def _bag_feeder(self) -> BagFeeder | None:
        """Open the bags, where there are some to learn from instead of the topics."""
        values = self.values
        bags = [Path(bag).expanduser() for bag in values['bags'] if bag]
        if not bags:
            self.adapter.buffer.deal()  # what a process that was killed took from bags
            return None
        topics = TopicWishes(values['bag_left'] or None, values['bag_right'] or None)
        buffer, folder = self.adapter.buffer, self.adapter.buffer.store.folder
        return BagFeeder(bags, topics, values['buffer_frames'], folder / 'bags.json',
                         buffer.take, buffer.deal, self._bags_read)

    def _bags_read(self) -> None:
        """Let it learn now, if it was told to: a round is to know all that the bags show."""
        self.get_logger().info('the bags are read')
        if self._wanted:
            self.adapter.start()

    def _start(self) -> str:
        self._wanted = True
        if self._bags is not None and not self._bags.done:
            return 'it runs as soon as the bags are read'
        self.adapter.start()
        return 'it runs; see ~/status'

    def _stop(self) -> str:
        self._wanted = False
        self.adapter.stop()
        return 'it stops after the step that is being computed'

    def _subscribe(self) -> None:
        values = self.values
        inputs = Inputs(self, values['queue_size'], values['image_transport'] == 'compressed',
                        self._said.problem)
        images = [inputs.image(f'{side}/image_rect') for side in SIDES]
        self._watch = SyncWatch(values['queue_size'], lambda side, gap_ms: None)
        for side, subscriber in zip(SIDES, images, strict=True):
            subscriber.registerCallback(partial(self._note, side))
        self._pairs = ApproximateTimeSynchronizer(
            images, values['queue_size'], values['approximate_sync_tolerance_seconds']) \
            if values['approximate_sync'] else TimeSynchronizer(images, values['queue_size'])
        self._pairs.registerCallback(self._paired)

    def _note(self, side: str, message: Any) -> None:
        if self._watch.arrived(side, stamp_ns(message.header)):
            for queue in self._pairs.queues:
                queue.clear()

    def _paired(self, left: Any, right: Any) -> None:
        self._watch.paired(stamp_ns(left.header), stamp_ns(right.header))
        now_ns = time.monotonic_ns()
        if now_ns - self._last_ns >= self.values['sample_period_s'] * 1e9:
            self._last_ns = now_ns
            self._intake.put((left, right))

    def _take(self, images: tuple[Any, Any]) -> None:
        """Keep a pair; runs in a thread of its own."""
        left, right = images
        self._frame_id = left.header.frame_id
        try:
            self.adapter.offer(StereoPair(to_rgb(left), to_rgb(right)))
        except (MessageError, DataError) as error:
            self._said.problem('input', str(error))
        else:
            self._said.fine('input')

    def _install(self, weights: Path) -> None:
        """Export, build and check an engine for the camera; stereo_node finds it in the cache."""
        values = {**self.values, **self._hand_over.engine}
        engine = open_engine(
            weights, backend=values['backend'], precision=values['precision'],
            zoom=values['zoom'] or None,
            cache_dir=Path(values['cache_dir']).expanduser() if values['cache_dir'] else None)
        try:
            left, _ = self.adapter.buffer.store.load(TRAIN, 0)
            engine.prepare(*left.shape[:2])
        finally:
            engine.close()

    def _hand_over_model(self, model: Model) -> None:
        self._hand_over.want(model.name)

    def _serve(self, work: Callable[[], str], request: Any, response: Any) -> Any:
        response.success, response.message = answer(work)
        return response

    def _status_publisher(self) -> Any:
        try:
            self._classes = import_module('depth_learning_msgs.msg')
        except ImportError:
            self.get_logger().warning(
                'depth_learning_msgs is not built, so there is no ~/status: build the workspace '
                'with --base-paths src src/depth_learning_ros/msg')
            return None
        return self.create_publisher(self._classes.AdaptationStatus, '~/status', latched_qos())

    def _look(self) -> None:
        if self._bags is not None and not self._told_read:
            self._told_read = self._bags.done
            said = 'the bags are read; ~/start begins' if self._told_read else \
                f'reading bags: {self._bags.offered} of {self._bags.expected} pairs'
            self.adapter.tell_reading('; not read to the end: '.join(
                filter(None, (said, '; '.join(self._bags.left_out)))), over=self._told_read)
        self._publish_status()

    def _publish_status(self) -> None:
        if self._publisher is not None and hasattr(self, 'adapter'):
            self._publisher.publish(status_message(
                self.adapter, self.get_clock().now().to_msg(), self._frame_id, self._classes,
                self._hand_over.trouble))

    def _tell_change(self) -> None:
        if self.context.ok():
            self._changed.trigger()
            if hasattr(self, 'adapter'):
                self.get_logger().info(self.adapter.status.message)

    def _say(self, level: str, text: str) -> None:
        if level == 'info':
            self.get_logger().info(text)
        else:
            self.get_logger().warning(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node, at low priority, until it is interrupted."""
    return run_node(partial(AdaptationNode, lower_priority), arguments)
