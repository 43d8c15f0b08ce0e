# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations


class SubscriptionEventCallbacks:
    def __init__(self, *, incompatible_qos=None, use_default_callbacks=True):
        self.incompatible_qos = incompatible_qos
        self.use_default_callbacks = use_default_callbacks


class PublisherEventCallbacks:
    def __init__(self, *, incompatible_qos=None, use_default_callbacks=True):
        self.incompatible_qos = incompatible_qos
        self.use_default_callbacks = use_default_callbacks
