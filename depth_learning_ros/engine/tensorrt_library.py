# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One face for TensorRT and TensorRT for RTX, whose Python modules are nearly the same.

The modules themselves are imported in ``tensorrt_runner`` and ``tensorrt_rtx_runner`` alone. Where
they differ, the question is always whether the module has the thing, never which one it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import logging
from typing import Any

from depth_learning_ros.errors import EngineError

log = logging.getLogger(__name__)

CURRENT = 'current'  # the compute capability of the GPU at hand, whatever it is
OLDEST = (10, 0)  # of TensorRT: the first with strongly typed networks
_LEVELS = {'INTERNAL_ERROR': logging.ERROR, 'ERROR': logging.ERROR, 'WARNING': logging.DEBUG,
           'INFO': logging.DEBUG, 'VERBOSE': logging.DEBUG}


@dataclass(frozen=True)
class KnownProblem:
    """A version that others found wrong.

    Attributes:
        library: name of the module.
        first, last: versions, both included.
        problem: in words.
        source: where it was reported.
    """

    library: str
    first: tuple[int, ...]
    last: tuple[int, ...]
    problem: str
    source: str


# Engines are measured before they are used, whatever this list says; it gives the bad answer a
# name. Open reports count: a version is taken off when its fix is known.
KNOWN_PROBLEMS = (
    KnownProblem('tensorrt', (10, 0), (10, 0), 'wrong results of float16 and float32 convolution '
                 'networks on Turing (T4)', 'github.com/NVIDIA/TensorRT issues 3999 and 4022'),
    KnownProblem('tensorrt', (10, 3), (10, 3), 'wrong results with sizes that change (the scale '
                 'of depth flickers on Jetson with JetPack 6.2); 10.5 and newer were right',
                 'github.com/NVIDIA/TensorRT issue 4419, github.com/ika-rwth-aachen/'
                 'ros2-depth-anything-v3-trt issue 16'),
    KnownProblem('tensorrt', (10, 13), (10, 13), 'float16 results off where float32 is right '
                 '(Jetson Thor with JetPack 7)', 'github.com/NVIDIA/TensorRT issue 4820, '
                 'github.com/ultralytics/ultralytics issue 22873'),
    KnownProblem('tensorrt', (11, 1), (11, 1), 'strongly typed float32 engines with GridSample '
                 'give wrong results without an error (our graphs hold no GridSample)',
                 'github.com/NVIDIA/TensorRT issue 4813'),
)


class Library:
    """A module and what it can do."""

    def __init__(self, module: Any, *, portable: bool) -> None:
        """Wrap.

        Args:
            module: ``tensorrt`` or ``tensorrt_rtx``.
            portable: its engines are built for compute capabilities, not for the GPU at hand.
        """
        self.module = module
        self.portable = portable
        self.name: str = module.__name__
        self.version: str = module.__version__
        self._messages: list[tuple[int, str]] = []
        # The library keeps the first logger it is given for the life of the process.
        self.logger = _make_logger(module, self._messages)

    @property
    def label(self) -> str:
        """Name for people."""
        return 'TensorRT for RTX' if self.portable else 'TensorRT'

    def check_version(self) -> None:
        """Refuse what is too old for strongly typed networks.

        Raises:
            EngineError: it is.
        """
        if not self.portable and version_tuple(self.version)[:2] < OLDEST:
            raise EngineError(f'TensorRT {self.version} is too old: '
                              f'{".".join(map(str, OLDEST))} or newer is needed (JetPack 6.1)')

    def problems(self) -> list[KnownProblem]:
        """List what is known against this version."""
        return known_problems(self.name, self.version)

    @contextmanager
    def errors(self) -> Iterator[list[str]]:
        """Collect what the library complains about while the block runs."""
        start = len(self._messages)
        found: list[str] = []
        try:
            yield found
        finally:
            found += [text for level, text in self._messages[start:] if level >= logging.ERROR]
            del self._messages[start:]

    def capability(self, word: str) -> Any:
        """Give the enum value of a compute capability such as ``8.9``, or ``current``.

        Raises:
            EngineError: this version cannot build for it.
        """
        values = self.module.ComputeCapability
        if word == CURRENT:
            return values.CURRENT
        found = getattr(values, f'SM{word.replace(".", "")}', None)
        if found is None:
            raise EngineError(f'{self.label} {self.version} cannot build for compute capability '
                              f'{word}: it knows {", ".join(self.capabilities())}')
        return found

    def capabilities(self) -> list[str]:
        """List the compute capabilities that engines can be built for; empty: the GPU at hand."""
        names = [name[2:] for name in dir(getattr(self.module, 'ComputeCapability', None))
                 if name.startswith('SM')]
        return [f'{name[:-1]}.{name[-1]}' for name in sorted(names, key=int)]


def known_problems(library: str, version: str) -> list[KnownProblem]:
    """List what is known against a version of a library."""
    found = version_tuple(version)
    return [problem for problem in KNOWN_PROBLEMS if problem.library == library
            and problem.first <= found[:len(problem.first)]
            and found[:len(problem.last)] <= problem.last]


def version_tuple(text: str) -> tuple[int, ...]:
    """Give (10, 13, 3) of ``10.13.3.post1``; stops at what is no number."""
    numbers = []
    for word in text.split('.'):
        if not word.isdigit():
            break
        numbers.append(int(word))
    return tuple(numbers)


def driver_hint(messages: list[str]) -> str:
    """Say in one sentence what the library's complaints mean, empty where they say enough."""
    text = ' '.join(messages)
    if 'cudaError 35' in text or 'driver version is insufficient' in text:
        return ('there is no NVIDIA driver, or it is too old for the CUDA that this library was '
                'built with: see nvidia-smi')
    if is_out_of_memory(messages):
        return 'the GPU is out of memory'
    return ''


def is_out_of_memory(messages: list[str]) -> bool:
    """Whether the library complained about memory."""
    text = ' '.join(messages).lower()
    return any(mark in text for mark in ('out of memory', 'outofmemory', 'cudaerror 2:',
                                         'insufficient memory', 'insufficient workspace'))


def _make_logger(module: Any, messages: list[tuple[int, str]]) -> Any:
    class Logger(module.ILogger):
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            level = _LEVELS.get(str(severity).rpartition('.')[2], logging.DEBUG)
            log.debug('%s: %s', module.__name__, message)
            if level >= logging.ERROR:
                messages.append((level, message.strip()))

    return Logger()
