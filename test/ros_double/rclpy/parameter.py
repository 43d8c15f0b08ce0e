# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations


class Parameter:
    def __init__(self, name, type_=None, value=None):
        self._name, self._value = name, value

    @property
    def name(self):
        return self._name

    @property
    def value(self):
        return self._value


def parameter_value_to_python(parameter_value):
    return parameter_value
