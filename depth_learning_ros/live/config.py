# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cyclone DDS's configuration, made of ROS 2's environment variables as rmw_cyclonedds does it.

A process that read ``ROS_DOMAIN_ID`` but not ``ROS_AUTOMATIC_DISCOVERY_RANGE`` would look for
others by multicast, while a ROS 2 node beside it, told to stay on this machine, waits for unicast:
the two would never meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
import os
from pathlib import Path
from xml.sax.saxutils import quoteattr

from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.names import check_domain

RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
# Before Iron, ROS_LOCALHOST_ONLY stood for all of them.
_WITHOUT_RANGES = ('humble', 'galactic', 'foxy')
_MAX_PARTICIPANTS = 32

# Some images of 1280x720. The kernel grants no more than net.core.rmem_max.
RECEIVE_BUFFER_BYTES = 8 << 20
_RMEM_MAX = Path('/proc/sys/net/core/rmem_max')
# With less, best-effort images of a megabyte lose packets.
_ENOUGH_BYTES = 2 << 20

# On one machine, large packets: fewer of them to lose. Across a network Ethernet's own size is
# best, because one lost piece of a large packet loses all of it.
_LARGE_PACKETS = '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>'
# Cyclone DDS 11 does not listen to participants that it hears on another interface than its own,
# and nodes that are told to stay on the machine announce themselves on this one.
_LOOPBACK = '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
# Below, a writer waits for its subscribers after every large message.
_WATERMARK = '64MB'


def domain_id(environment: Mapping[str, str], asked: int | None = None) -> int:
    """Return the domain asked for, else ROS_DOMAIN_ID, else 0.

    Raises:
        LiveError: it is not 0 to 232.
    """
    if asked is not None:
        return check_domain(asked)
    text = environment.get('ROS_DOMAIN_ID', '').strip()
    try:
        return check_domain(int(text or 0))
    except ValueError:
        raise LiveError(f'ROS_DOMAIN_ID is {text!r}: expected a number from 0 to 232') from None


def cyclone_config(environment: Mapping[str, str], distro: str) -> str:
    """Return the configuration of the domain; what CYCLONEDDS_URI says comes last and wins.

    Raises:
        LiveError: ROS_AUTOMATIC_DISCOVERY_RANGE is none of :data:`RANGES`.
    """
    own = environment.get('CYCLONEDDS_URI', '').strip()
    parts = [f'<CycloneDDS><Domain>{_discovery(environment, distro)}'
             f'<Internal><SocketReceiveBufferSize max="{RECEIVE_BUFFER_BYTES}B"/>'
             f'<Watermarks><WhcHigh>{_WATERMARK}</WhcHigh></Watermarks></Internal>'
             f'</Domain></CycloneDDS>']
    return ','.join(parts + ([own] if own else []))


def discovery_range(environment: Mapping[str, str], distro: str) -> str:
    """Return how far others are looked for: one of :data:`RANGES`.

    Raises:
        LiveError: the environment asks for something else.
    """
    if environment.get('ROS_LOCALHOST_ONLY', '').strip() == '1':
        return 'LOCALHOST'
    text = environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '').strip().upper() or 'SUBNET'
    if distro in _WITHOUT_RANGES:
        return 'SYSTEM_DEFAULT'
    if text not in RANGES:
        raise LiveError(f'ROS_AUTOMATIC_DISCOVERY_RANGE is {text!r}: '
                        f'expected one of {", ".join(RANGES)}')
    return text


def small_buffer_hint(rmem_max: Path = _RMEM_MAX) -> str | None:
    """Tell when the kernel does not let sockets hold an image; None when all is well."""
    try:
        limit = int(rmem_max.read_text())
    except (OSError, ValueError):  # not Linux, or hidden in a container
        return None
    if limit >= _ENOUGH_BYTES:
        return None
    return (f'the kernel limits receive buffers to {limit >> 10} kB, so that large images can be '
            f'lost: sudo sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}')


def _discovery(environment: Mapping[str, str], distro: str) -> str:
    reach = discovery_range(environment, distro)
    if reach == 'SYSTEM_DEFAULT':
        return ''
    if distro in _WITHOUT_RANGES:
        return f'<General>{_interfaces(environment)}{_LARGE_PACKETS}</General>'
    if reach == 'OFF':
        return ('<General><AllowMulticast>false</AllowMulticast></General>'
                '<Discovery><ParticipantIndex>none</ParticipantIndex>'
                f'<Tag>ros_discovery_off_{os.getpid()}</Tag></Discovery>')
    peers = [p.strip() for p in environment.get('ROS_STATIC_PEERS', '').split(';') if p.strip()]
    general = ''
    if reach == 'LOCALHOST':
        general = (f'<General>{_interfaces(environment)}<AllowMulticast>false</AllowMulticast>'
                   f'{_LARGE_PACKETS}</General>')
        peers.insert(0, 'localhost')
    listed = ''.join(f'<Peer address={quoteattr(peer)}/>' for peer in peers)
    return (f'{general}<Discovery><ParticipantIndex>auto</ParticipantIndex>'
            f'<MaxAutoParticipantIndex>{_MAX_PARTICIPANTS}</MaxAutoParticipantIndex>'
            f'{f"<Peers>{listed}</Peers>" if listed else ""}</Discovery>')


def _interfaces(environment: Mapping[str, str]) -> str:
    """Return the loopback interface, unless the user's own configuration names interfaces."""
    own = environment.get('CYCLONEDDS_URI', '')
    for part in own.split(','):
        if part.strip().startswith('file://'):
            with suppress(OSError, UnicodeDecodeError):  # Cyclone DDS complains better
                own += Path(part.strip().removeprefix('file://')).read_text(encoding='utf-8')
    return '' if 'NetworkInterface' in own else _LOOPBACK
