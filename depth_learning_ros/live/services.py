# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 services over DDS, as rmw_cyclonedds has them: a topic for requests, one for replies.

Both begin with who asks and the number of the question; the reply repeats them. Other
middlewares (Fast DDS) put these elsewhere and cannot talk to them: ROS 2 itself has no services
across middlewares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import time
from typing import Any

from cyclonedds.idl import IdlStruct
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from depth_learning_ros.cdr.store import STORE
from depth_learning_ros.live.endpoints import Reader, Received, Writer, user_data
from depth_learning_ros.live.idl import make_sample_type

_HEADER = 'uint64 header_guid\nint64 header_seq\n'
_GUID, _SEQ = 'header_guid', 'header_seq'
# what services' messages are made of
_PACKAGES = ('rcl_interfaces/', 'builtin_interfaces/')
_MATCH_WAIT_S = 0.1
_POLL_S = 0.005


@dataclass(frozen=True)
class ServiceType:
    """The two messages of a service.

    Attributes:
        store: holds them, with the header.
        request, reply: their names.
        request_type, reply_type: as cyclonedds has them.
        request_hash, reply_hash: of the messages without the header.
    """

    store: Typestore
    request: str
    reply: str
    request_type: type[IdlStruct]
    reply_type: type[IdlStruct]
    request_hash: str
    reply_hash: str

    @classmethod
    def of(cls, name: str, request: str, reply: str) -> ServiceType:
        """Make a type of the two definitions, of types that ROS 2 has.

        Args:
            name: such as ``rcl_interfaces/srv/GetParameters``.
            request, reply: definitions as in .srv files.
        """
        one, other = f'{name}_Request', f'{name}_Response'
        texts = {one: request, other: reply}
        store, bare = _extended(texts, _HEADER), _extended(texts, '')
        return cls(
            store, one, other, make_sample_type(one, store.fielddefs),
            make_sample_type(other, store.fielddefs), bare.hash_rihs01(one),
            bare.hash_rihs01(other))

    def read(self, cdr: bytes | memoryview) -> Any:
        """Return a request, whose header `reply_to` takes."""
        return self.store.deserialize_cdr(cdr, self.request)

    def reply_to(self, request: Any, **fields: Any) -> bytes:
        """Return the bytes of the reply."""
        message = self.store.types[self.reply](
            **{_GUID: getattr(request, _GUID), _SEQ: getattr(request, _SEQ)}, **fields)
        return bytes(self.store.serialize_cdr(message, self.reply))


def _extended(texts: Mapping[str, str], before: str) -> Typestore:
    store = get_typestore(Stores.EMPTY)
    store.register({name: fields for name, fields in STORE.fielddefs.items()
                    if name.startswith(_PACKAGES)})
    for name, text in texts.items():
        parsed, = get_types_from_msg(before + text, name).values()  # under a name of messages
        store.register({name: parsed})
    return store


class Service:
    """Answers requests; made by `Participant.service`.

    Args:
        handle: takes a request, and returns the fields of the reply.
    """

    def __init__(self, kind: ServiceType, writer: Writer,
                 handle: Callable[[Any], Mapping[str, Any]]) -> None:
        self._kind, self._writer, self._handle = kind, writer, handle
        self.reader: Reader | None = None

    def answer(self, message: Received) -> None:
        """Take a request as it came, and send the reply."""
        request = self._kind.read(message.cdr)
        cdr = self._kind.reply_to(request, **self._handle(request))
        # the client may be found by one half of the service before the other
        end_s = time.monotonic() + _MATCH_WAIT_S
        while not self._is_heard(message.writer) and time.monotonic() < end_s:
            time.sleep(_POLL_S)
        self._writer.send(cdr)

    def _is_heard(self, request_writer: int) -> bool:
        """Tell whether the subscription of the client that asked is matched."""
        assert self.reader is not None
        asking = self.reader.entity.get_matched_publication_data(request_writer)
        if asking is None:  # it went away
            return True
        client = user_data(asking.qos, 'clientid')
        replies = self._writer.entity
        return any(
            listening is not None and user_data(listening.qos, 'clientid') == client
            for listening in map(replies.get_matched_subscription_data,
                                 replies.get_matched_subscriptions()))
