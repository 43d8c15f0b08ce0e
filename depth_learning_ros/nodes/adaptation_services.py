# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What adaptation_node answers to those who call its services."""

from __future__ import annotations

from collections.abc import Callable
import logging

from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.errors import DepthLearningError

_log = logging.getLogger(__name__)

_SAVE_S = 10.0  # nobody else is answered meanwhile


def answer(work: Callable[[], str]) -> tuple[bool, str]:
    """Do what a service is for; tell whether that went well, and what is to be said.

    An error is an answer, too: a full disk or GPU must not end the node.
    """
    try:
        return True, work()
    except (DepthLearningError, OSError) as error:
        return False, str(error)
    except Exception as error:
        _log.exception('a service failed')
        return False, f'{type(error).__name__}: {error}'


def save(adapter: OnlineAdapter) -> str:
    """Write the state of the round.

    Raises:
        DepthLearningError: it is not written.
    """
    adapter.save(_SAVE_S)
    return 'the round is saved'


def rollback(adapter: OnlineAdapter) -> str:
    """Go back to the model before.

    Raises:
        DepthLearningError: there is none, or the disk is full.
    """
    if adapter.models.previous is None:
        raise DepthLearningError('there is nothing to go back to')
    return f'{adapter.rollback().name} is the model to use now'
