# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The status of an adaptation as depth_learning_msgs/AdaptationStatus."""

from __future__ import annotations

from array import array
from typing import Any

from depth_learning_ros.adaptation.figures import Figures
from depth_learning_ros.adaptation.online import OnlineAdapter


def status_message(adapter: OnlineAdapter, stamp: Any, frame_id: str, classes: Any,
                   trouble: str = '') -> Any:
    """Build the message.

    Args:
        adapter: what it is about.
        stamp: builtin_interfaces/Time of now.
        frame_id: of the camera.
        classes: the module ``depth_learning_msgs.msg``.
        trouble: why nobody uses the model as yet; empty when there is none.
    """
    status, buffer = adapter.status, adapter.buffer
    message = classes.AdaptationStatus()
    message.header.stamp, message.header.frame_id = stamp, frame_id
    message.state = int(status.state)
    message.message = '; '.join(filter(None, (status.message, trouble)))
    message.method, message.round = adapter.config.method, status.round
    message.step, message.steps = status.step, adapter.config.steps
    message.progress, message.seconds_left = float(status.progress), float(status.seconds_left)
    message.loss = float(status.loss)
    losses = dict(status.losses)  # another thread may tell new ones
    message.loss_names = list(losses)
    message.loss_values = array('f', losses.values())
    if status.verdict is not None:
        accepted = status.verdict.accepted
        message.verdict = message.VERDICT_ACCEPTED if accepted else message.VERDICT_REJECTED
        message.reasons = list(status.verdict.reasons)
        message.before = _score(status.verdict.before, classes)
        message.after = _score(status.verdict.after, classes)
    message.rounds_accepted = status.rounds_accepted
    message.rounds_rejected = status.rounds_rejected
    message.model, message.model_sha256 = status.model.name, status.model.sha256
    message.rollback_model = status.rollback_model
    message.buffer_frames = len(buffer.store) - adapter.held_out_frames
    message.buffer_capacity, message.held_out_frames = buffer.capacity, adapter.held_out_frames
    message.buffer_bytes = buffer.bytes_on_disk()
    message.frames_seen = buffer.seen
    message.frames_skipped = sum(buffer.skipped.values())
    return message


def _score(figures: Figures, classes: Any) -> Any:
    return classes.AdaptationScore(
        frames=len(figures.frames), warped_psnr_db=float(figures.mean('psnr')),
        warped_ssim=float(figures.mean('ssim')),
        left_right_consistency=float(figures.mean('consistency')),
        synthetic_epe_px=float(figures.synthetic_epe))
