# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How ROS 2 names become DDS names and back (ros2/design: topic and service names).

``/camera/left/image_rect`` is the DDS topic ``rt/camera/left/image_rect``, and its type
``sensor_msgs/msg/Image`` is ``sensor_msgs::msg::dds_::Image_``.
"""

from __future__ import annotations

import re

from depth_learning_ros.errors import LiveError

TOPIC_PREFIX = 'rt'
REQUEST_PREFIX = 'rq'
REPLY_PREFIX = 'rr'
MAX_DOMAIN_ID = 232

_TOKEN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')


def check_topic(name: str) -> str:
    """Return an absolute topic name, with its leading slash.

    Raises:
        LiveError: ROS 2 has no such names.
    """
    full = '/' + name.strip('/')
    for token in full[1:].split('/'):
        if not _TOKEN.fullmatch(token) or '__' in token:
            raise LiveError(f'{name!r} is no topic name: between slashes there must be letters, '
                            f'digits and single underscores, not beginning with a digit')
    return full


def check_namespace(name: str) -> str:
    """Return a namespace with its leading slash; empty for the root.

    Raises:
        LiveError: ROS 2 has no such names.
    """
    return check_topic(name) if name.strip('/') else ''


def check_node(name: str) -> str:
    """Return a node name.

    Raises:
        LiveError: ROS 2 has no such names.
    """
    if not _TOKEN.fullmatch(name) or '__' in name:
        raise LiveError(f'{name!r} is no node name: it must be letters, digits and single '
                        f'underscores, not beginning with a digit')
    return name


def check_domain(domain_id: int) -> int:
    """Return a domain number.

    Raises:
        LiveError: DDS has no such domain.
    """
    if not 0 <= domain_id <= MAX_DOMAIN_ID:
        raise LiveError(f'the domain is {domain_id}: expected 0 to {MAX_DOMAIN_ID}, the number '
                        f'that ROS_DOMAIN_ID gives to the others')
    return domain_id


def dds_topic(topic: str) -> str:
    """Return the DDS name of a topic."""
    return TOPIC_PREFIX + topic


def ros_topic(dds_name: str) -> str | None:
    """Return the topic of a DDS name; None when it is no ROS topic (a service, or DDS's own)."""
    prefix, slash, rest = dds_name.partition('/')
    return f'/{rest}' if slash and prefix == TOPIC_PREFIX else None


def dds_type(type_name: str) -> str:
    """Return the DDS name of ``package/msg/Type`` or ``package/srv/Type``."""
    package, kind, name = type_name.split('/')
    return f'{package}::{kind}::dds_::{name}_'


def ros_type(dds_name: str) -> str | None:
    """Return ``package/msg/Type`` of a DDS type name; None when it is not ROS's."""
    match = re.fullmatch(r'(\w+)::(msg|srv)::dds_::(\w+)_', dds_name)
    return '/'.join(match.groups()) if match else None
