# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Asks a node for its parameters over DDS, as `ros2 param` does it with rmw_cyclonedds."""

from __future__ import annotations

from typing import Any

from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from live_peers import wait_for

from depth_learning_ros.cdr.store import make
from depth_learning_ros.live.endpoints import Writer
from depth_learning_ros.live.parameters import _SERVICES, parameter_value
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import SERVICES, cyclone_qos
from depth_learning_ros.live.services import ServiceType

_FIELDS = {1: 'bool_value', 2: 'integer_value', 3: 'double_value', 4: 'string_value',
           9: 'string_array_value'}


class ParameterClient:
    """Calls the parameter services of a node."""

    def __init__(self, participant: Participant, node: str) -> None:
        self._entity, self._node = participant._entity, node
        self._made: dict[str, Any] = {}
        self._number = 0

    def names(self) -> list[str]:
        return self._call('list_parameters', prefixes=[], depth=0).result.names

    def get(self, name: str) -> Any:
        value, = self._call('get_parameters', names=[name]).values
        return getattr(value, _FIELDS[value.type]) if value.type else None

    def set(self, name: str, value: Any) -> str:
        """Return why it was refused; empty if it was not."""
        parameter = make('rcl_interfaces/msg/Parameter', name=name, value=parameter_value(
            tuple(value) if isinstance(value, list) else value))
        result, = self._call('set_parameters', parameters=[parameter]).results
        assert result.successful == (not result.reason)
        return result.reason

    def describe(self, name: str) -> Any:
        return self._call('describe_parameters', names=[name]).descriptors[0]

    def _call(self, service: str, **fields: Any) -> Any:
        if service not in self._made:
            self._made[service] = self._connect(service)
        kind, writer, reader = self._made[service]
        self._number += 1
        request = kind.store.types[kind.request](
            header_guid=77, header_seq=self._number, **fields)
        writer.send(bytes(kind.store.serialize_cdr(request, kind.request)))
        reply, = wait_for(lambda: reader.take(1), f'an answer of {service}')
        found = kind.store.deserialize_cdr(reply.cdr, kind.reply)
        assert (found.header_guid, found.header_seq) == (77, self._number)
        return found

    def _connect(self, service: str) -> Any:
        name, request, reply = _SERVICES[service]
        kind = ServiceType.of(f'rcl_interfaces/srv/{name}', request, reply)
        path, qos = f'{self._node}/{service}', cyclone_qos(SERVICES, 'clientid=1.2;')
        asking = Writer(path, kind.request, DataWriter(self._entity, Topic(
            self._entity, f'rq{path}Request', kind.request_type), qos))
        answers = DataReader(self._entity, Topic(
            self._entity, f'rr{path}Reply', kind.reply_type), qos)
        wait_for(lambda: asking.subscribers and answers.get_matched_publications(), service)
        return kind, asking, answers
