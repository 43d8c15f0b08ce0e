# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A process in the ROS 2 graph: one DDS participant that shows itself as one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import logging
import os
import threading
from types import TracebackType
from typing import Any

from cyclonedds.core import DDSException, GuardCondition, WaitSet
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.config import cyclone_config, domain_id
from depth_learning_ros.live.discovery import DISCOVERY_TOPIC, INFO, discovery_store, entities_info
from depth_learning_ros.live.endpoints import Reader, Received, Writer
from depth_learning_ros.live.graph import Graph
from depth_learning_ros.live.names import (
    REPLY_PREFIX,
    REQUEST_PREFIX,
    check_namespace,
    check_node,
    check_topic,
    dds_topic,
)
from depth_learning_ros.live.qos import (
    DISCOVERY_READER,
    DISCOVERY_WRITER,
    SERVICES,
    Profile,
    cyclone_qos,
)
from depth_learning_ros.live.sample_types import SampleTypes
from depth_learning_ros.live.services import Service, ServiceType

_log = logging.getLogger(__name__)

DEFAULT_DISTRO = 'jazzy'
_ENCLAVE = 'enclave=/;'
_LONGEST_WAIT_S = 1.0


class Participant:
    """A context manager; messages are received from `start` until it is closed.

    Args:
        node: shown by ``ros2 node list``.
        namespace: of the node.
        domain: None = what ROS_DOMAIN_ID says, else 0.
        distro: ROS 2's release on the other side; None = ROS_DISTRO, else ``jazzy``. Only Humble
            and older matter: their graph messages have another form.
        environment: ROS 2's variables; None = the process's own.

    Raises:
        LiveError: a name or number is not valid, or DDS cannot start (no network interface).
    """

    def __init__(self, node: str, namespace: str = '', domain: int | None = None,
                 distro: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self.node, self.namespace = check_node(node), check_namespace(namespace)
        self.distro = distro or environment.get('ROS_DISTRO') or DEFAULT_DISTRO
        self.domain_id = domain_id(environment, domain)
        self.types = SampleTypes()
        self._with_hashes = not discovery_store(self.distro).long_gids
        self._lock = threading.RLock()
        self._topics: dict[tuple[str, str], Topic[Any]] = {}
        self._writers: list[Writer] = []
        self._readers: list[Reader] = []
        self._services = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        config = cyclone_config(environment, self.distro)
        try:
            self._domain = Domain(self.domain_id, config)
            self._entity = DomainParticipant(
                self.domain_id, Qos(Policy.Userdata(_ENCLAVE.encode())))
        except DDSException as error:
            raise LiveError(
                f'DDS cannot start in domain {self.domain_id} ({error.msg}): is there a network '
                f'interface that is up, is CYCLONEDDS_URI valid, and are there fewer than 33 '
                f'ROS 2 processes on this machine?') from error
        self._waitset = WaitSet(self._entity)
        self._wake = GuardCondition(self._entity)
        self._waitset.attach(self._wake)
        form = discovery_store(self.distro)
        known_by = '' if form.long_gids else f'typehash={form.store.hash_rihs01(INFO)};'
        self._announcer = self._endpoint_writer(
            DISCOVERY_TOPIC, INFO, form.sample_type, DISCOVERY_WRITER, known_by)
        self.graph = Graph(self._entity, self.distro)
        self._attach(Reader(DISCOVERY_TOPIC, INFO, self._data_reader(
            DISCOVERY_TOPIC, form.sample_type, DISCOVERY_READER, known_by, ignore_own=True),
            self.graph.add_entities))
        self.announce()

    @property
    def full_name(self) -> str:
        """The node's name with its namespace."""
        return f'{self.namespace}/{self.node}'

    def publisher(self, topic: str, type_name: str, profile: Profile) -> Writer:
        """Make a publisher.

        Raises:
            LiveError: the name is not valid, or the type is not known.
        """
        sample_type = self.types.get(type_name)
        writer = self._endpoint_writer(
            dds_topic(check_topic(topic)), type_name, sample_type, profile,
            self._user_data(type_name))
        writer.topic = check_topic(topic)
        with self._lock:
            self._writers.append(writer)
        self.announce()
        return writer

    def subscription(self, topic: str, type_name: str, profile: Profile,
                     on_message: Callable[[Received], None]) -> Reader:
        """Make a subscription; ``on_message`` is called in the participant's thread.

        Raises:
            LiveError: the name is not valid, or the type is not known.
        """
        name = check_topic(topic)
        entity = self._data_reader(dds_topic(name), self.types.get(type_name), profile,
                                   self._user_data(type_name))
        reader = Reader(name, type_name, entity, on_message)
        self._attach(reader)
        self.announce()
        return reader

    def service(self, name: str, kind: ServiceType,
                handle: Callable[[Any], Mapping[str, Any]]) -> None:
        """Offer a service; ``handle`` makes the reply's fields, in the participant's thread.

        Raises:
            LiveError: the name is not valid.
        """
        name = check_topic(name)
        with self._lock:
            self._services += 1
            identity = '.'.join(f'{byte:x}' for byte in (
                *self._entity.guid.bytes[:12], *self._services.to_bytes(4, 'big')))
        user_data = f'serviceid={identity};'
        hashes = [f'typehash={h};' if self._with_hashes else ''
                  for h in (kind.request_hash, kind.reply_hash)]
        writer = self._endpoint_writer(
            f'{REPLY_PREFIX}{name}Reply', kind.reply, kind.reply_type, SERVICES,
            user_data + hashes[1])
        service = Service(kind, writer, handle)
        request_topic = f'{REQUEST_PREFIX}{name}Request'
        service.reader = Reader(request_topic, kind.request, self._data_reader(
            request_topic, kind.request_type, SERVICES, user_data + hashes[0]), service.answer)
        with self._lock:
            self._writers.append(writer)
        self._attach(service.reader)

    def remove(self, endpoint: Writer | Reader) -> None:
        """Close one publisher or subscription."""
        with self._lock:
            if isinstance(endpoint, Writer):
                self._writers.remove(endpoint)
                endpoint.close()
            else:
                self._readers.remove(endpoint)
                self._waitset.detach(endpoint.condition)
                _delete(endpoint.condition)
            _delete(endpoint.entity)
        self.announce()

    def announce(self) -> None:
        """Tell the others what this node publishes and subscribes to."""
        with self._lock:
            readers = [r.entity.guid for r in self._readers if r.topic != DISCOVERY_TOPIC]
            writers = [w.entity.guid for w in self._writers]
            cdr = entities_info(self.distro, self._entity.guid, self.namespace, self.node,
                                readers, writers)
            self._announcer.send(cdr)

    def start(self) -> None:
        """Begin to receive."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='dds-receiver', daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Leave the graph; a second time changes nothing.

        The others are told, so that the node disappears at once and not when its lease ends.
        """
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake.set(True)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            self._announcer.send(entities_info(self.distro, self._entity.guid, '', None, [], []))
            for writer in (*self._writers, self._announcer):
                writer.close()
            _delete(self._waitset)
            for reader in self._readers:
                _delete(reader.condition)
            self.graph.close()
            for entity in (self._wake, *(r.entity for r in self._readers),
                           *(w.entity for w in self._writers), self._announcer.entity,
                           *self._topics.values(), self._entity, self._domain):
                _delete(entity)

    def __enter__(self) -> Participant:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._waitset.wait(duration(seconds=_LONGEST_WAIT_S))
            with self._lock:
                readers = list(self._readers)
            for reader in readers:
                if self._stop.is_set():
                    return
                try:
                    reader.take()
                except DDSException as error:  # it was removed meanwhile
                    _log.debug('%s: %s', reader.topic, error)
                except Exception:  # whatever comes on one topic, the others go on
                    _log.exception('%s cannot be read', reader.topic)

    def _attach(self, reader: Reader) -> None:
        with self._lock:
            self._readers.append(reader)
            self._waitset.attach(reader.condition)

    def _user_data(self, type_name: str) -> str:
        return f'typehash={self.types.type_hash(type_name)};' if self._with_hashes else ''

    def _topic(self, name: str, sample_type: type[IdlStruct]) -> Topic[Any]:
        with self._lock:
            key = name, sample_type.__idl_typename__
            if key not in self._topics:
                self._topics[key] = Topic(self._entity, name, sample_type)
            return self._topics[key]

    def _endpoint_writer(self, name: str, type_name: str, sample_type: type[IdlStruct],
                         profile: Profile, user_data: str = '') -> Writer:
        topic = self._topic(name, sample_type)
        return Writer(name, type_name, DataWriter(
            self._entity, topic, cyclone_qos(profile, user_data)))

    def _data_reader(self, name: str, sample_type: type[IdlStruct], profile: Profile,
                     user_data: str, ignore_own: bool = False) -> DataReader[Any]:
        topic = self._topic(name, sample_type)
        return DataReader(self._entity, topic, cyclone_qos(profile, user_data, ignore_own))


def _delete(entity: Any) -> None:
    """Delete an entity now, and not when Python gets to it: cyclonedds has no other way."""
    entity.__del__()
