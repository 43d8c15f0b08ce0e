# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live process: the node's stream on DDS topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import threading
import time
from types import TracebackType
from typing import Any

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make, read_message
from depth_learning_ros.errors import MessageError
from depth_learning_ros.live.endpoints import Received
from depth_learning_ros.live.inputs import (
    InputTopic,
    common_namespace,
    missing_inputs,
    other_types,
)
from depth_learning_ros.live.outlet import DdsOutlet
from depth_learning_ros.live.parameters import ParameterServer
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import LATCHED, RELIABLE, SENSOR_DATA
from depth_learning_ros.live.sim_clock import SimClock
from depth_learning_ros.stream import (
    Diagnosis,
    MonoSettings,
    MonoStream,
    StereoSettings,
    StereoStream,
)
from depth_learning_ros.stream.stream import BAD_INPUT

DIAGNOSTICS = '/diagnostics'
_DIAGNOSTIC_ARRAY = 'diagnostic_msgs/msg/DiagnosticArray'
PERIOD_S = 1.0
# Discovery takes a moment: nobody is told at once that nobody is there.
_GRACE_S = 2.0


@dataclass(frozen=True)
class LiveOptions:
    """How a live process is seen.

    Attributes:
        namespace: of the outputs; None = the common parent of the images.
        use_sim_time: the clock is /clock.
    """

    namespace: str | None = None
    use_sim_time: bool = False


class LiveProcess:
    """A context manager: inputs are subscribed to, results and diagnostics are published.

    Args:
        participant: stays open.
        topics: of one camera or of two; see `inputs.camera_topics`.
        settings: for stereo or mono, as there are topics.
        open_model: see `stream.model.ModelSlot`.

    Raises:
        LiveError: a topic or type cannot be used.
    """

    def __init__(self, participant: Participant, topics: Sequence[InputTopic],
                 settings: StereoSettings | MonoSettings, options: LiveOptions | None = None,
                 **stream_options: Any) -> None:
        options = options or LiveOptions()
        self.participant, self.topics = participant, tuple(topics)
        self.namespace = common_namespace(topics) if options.namespace is None \
            else options.namespace
        clock = SimClock(participant) if options.use_sim_time else None
        self._now_ns: Callable[[], int] = time.time_ns if clock is None else clock.now_ns
        self.outlet = DdsOutlet(participant, self.namespace, self._now_ns)
        self.stream: StereoStream | MonoStream = (
            StereoStream(self.outlet, settings, **stream_options)
            if isinstance(settings, StereoSettings)
            else MonoStream(self.outlet, settings, **stream_options))
        self._diagnostics = participant.publisher(DIAGNOSTICS, _DIAGNOSTIC_ARRAY, RELIABLE)
        ParameterServer(participant, self.stream)
        self._latched: set[str] = set()
        for topic in self.topics:
            participant.subscription(
                topic.name, topic.type_name, replace(SENSOR_DATA, depth=settings.queue_size),
                self._handler(topic))

    def start(self) -> None:
        """Load the model, and begin to receive."""
        self.stream.load_model()
        self.stream.activate()
        self.participant.start()

    def run(self, stop: threading.Event) -> None:
        """Watch over the stream, once a second, until told to stop or there is no model at all."""
        began_s = time.monotonic()
        while not stop.wait(PERIOD_S):
            model = self.stream.model
            if model.info is None and model.wait(0.0) and model.info is None:
                return
            self._look_for_latched_infos()
            if time.monotonic() - began_s > _GRACE_S:
                self.look()

    def look(self) -> Diagnosis:
        """Look how the stream and the graph are, say what is new, and publish the diagnosis."""
        self._look_at_graph()
        diagnosis = self.stream.diagnose()
        if self._diagnostics.subscribers:
            self._diagnostics.send(b''.join(serialize(
                self._diagnostic_array(diagnosis), _DIAGNOSTIC_ARRAY)))
        return diagnosis

    def close(self) -> None:
        """End the stream; the participant goes on."""
        self.stream.close()

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _handler(self, topic: InputTopic) -> Callable[[Received], None]:
        add = self._add_of(topic)

        def handle(message: Received) -> None:
            try:
                read = read_message(message.cdr, topic.type_name)
            except MessageError as error:
                self.stream.statistics.dropped(BAD_INPUT)
                self.stream.said.problem('input', f'{topic.name}: {error}')
                return
            add(read)

        return handle

    def _add_of(self, topic: InputTopic) -> Callable[[Any], None]:
        stream = self.stream
        if isinstance(stream, MonoStream):
            return stream.add_image if topic.role == 'image' else stream.add_info
        stereo, side = stream, topic.side
        if topic.role == 'image':
            return lambda message: stereo.add_image(side, message)
        return lambda message: stereo.add_info(side, message)

    def _look_for_latched_infos(self) -> None:
        """Subscribe for the last camera_info of publishers that sent it long ago, but keep it."""
        for topic in self.topics:
            if topic.role != 'info' or topic.name in self._latched:
                continue
            if any(e.profile.transient_local and e.type_name == topic.type_name
                   for e in self.participant.graph.publishers(topic.name)):
                self._latched.add(topic.name)
                self.participant.subscription(
                    topic.name, topic.type_name, LATCHED, self._handler(topic))

    def _look_at_graph(self) -> None:
        graph, said = self.participant.graph, self.stream.said
        twins = graph.nodes().count(self.participant.full_name)
        for cause, text in (
                ('topics', missing_inputs(graph, self.topics, self.participant.domain_id)),
                ('types', other_types(graph, self.topics)),
                ('name', f'another node is called {self.participant.full_name}: choose another '
                         f'one by --node-name' if twins else None),
                ('subscribers', self._slow_subscribers())):
            if text is None:
                said.fine(cause, at_once=True)
            else:
                said.problem(cause, text)

    def _slow_subscribers(self) -> str | None:
        slow = self.outlet.slow
        if not slow:
            return None
        return 'a subscriber did not keep up, so that messages were dropped: ' + ', '.join(
            f'{count} of {topic}' for topic, count in slow.items())

    def _diagnostic_array(self, diagnosis: Diagnosis) -> Any:
        stamp = make('builtin_interfaces/msg/Time', **dict(
            zip(('sec', 'nanosec'), divmod(max(0, self._now_ns()), 10**9), strict=True)))
        status = make(
            'diagnostic_msgs/msg/DiagnosticStatus', level=diagnosis.level,
            name=f'{self.participant.node}: depth', message=diagnosis.summary,
            hardware_id='none', values=[make('diagnostic_msgs/msg/KeyValue', key=key, value=value)
                                    for key, value in diagnosis.values.items()])
        return make(_DIAGNOSTIC_ARRAY, status=[status], header=make(
            'std_msgs/msg/Header', stamp=stamp, frame_id=''))
