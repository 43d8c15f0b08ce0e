# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The output bag: one .mcap file, or a rosbag2 folder, that appears only when it is whole.

``ros2 bag play``, ``ros2 bag info``, Foxglove and the mcap tools take a single .mcap file as it
is; what rosbag2 keeps in metadata.yaml stands in the file as well. A folder is for programs that
insist on metadata.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
import os
from pathlib import Path
import shutil
from typing import Any

from rosbags.interfaces import Qos
from ruamel.yaml import YAML

from depth_learning_ros.cdr.store import MessageType
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.files import (
    atomic_path,
    check_folder,
    check_output,
    disk_full,
    is_disk_full,
    sync,
    temporary_name,
)
from depth_learning_ros.replay.mcap_writer import McapWriter
from depth_learning_ros.replay.qos import qos_yaml

_FOREIGN_SUFFIXES = ('.bag', '.db3', '.sqlite3', '.zstd', '.yaml')


class OutputBag:
    """Topics and messages of a bag that is being written."""

    def __init__(self, path: Path, compression: str) -> None:
        self.path = path
        self._writer = McapWriter(path, compression)
        self._channels: dict[str, int] = {}
        self._topics: dict[str, dict[str, str]] = {}

    def add_topic(self, name: str, message_type: MessageType, qos: Sequence[Qos] = ()) -> None:
        """Announce a topic; a second time changes nothing."""
        if name in self._channels:
            return
        profiles = qos_yaml(qos)
        self._channels[name] = self._writer.add_channel(
            name, message_type.name, message_type.definition,
            schema_encoding=message_type.encoding, metadata={
                'offered_qos_profiles': profiles, 'topic_type_hash': message_type.type_hash})
        self._topics[name] = {
            'name': name, 'type': message_type.name, 'serialization_format': 'cdr',
            'offered_qos_profiles': profiles, 'type_description_hash': message_type.type_hash}

    def write(self, topic: str, log_time_ns: int, pieces: Sequence[Any]) -> None:
        """Write CDR bytes, given in pieces, to a topic that was announced."""
        self._writer.write(self._channels[topic], log_time_ns, pieces)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written by topic."""
        return {name: self._writer.counts[channel] for name, channel in self._channels.items()}

    def finish(self, file_name: str) -> str:
        """Complete the file, and return what metadata.yaml must hold."""
        information = self._information(file_name)
        self._writer.finish({'rosbag2': {'serialized_metadata': _to_yaml(information)}})
        return _to_yaml({'rosbag2_bagfile_information': information})

    def close(self) -> None:
        """Close the file as it is."""
        self._writer.close()

    def _information(self, file_name: str) -> dict[str, Any]:
        # Version 8 is the newest that all of Humble to Rolling read.
        writer, counts = self._writer, self.counts
        start = writer.start_ns if writer.message_count else 0
        span = {'starting_time': {'nanoseconds_since_epoch': start},
                'duration': {'nanoseconds': max(0, writer.end_ns - start)},
                'message_count': writer.message_count}
        return {
            'version': 8, 'storage_identifier': 'mcap', 'relative_file_paths': [file_name],
            **span, 'topics_with_message_count': [
                {'topic_metadata': topic, 'message_count': counts[name]}
                for name, topic in self._topics.items()],
            'compression_format': '', 'compression_mode': '',
            'files': [{'path': file_name, **span}],
            'custom_data': {}, 'ros_distro': 'rosbags'}


def check_bag_output(path: Path, force: bool) -> None:
    """Refuse an output before long work is done for nothing.

    Raises:
        DataError: see `files.check_output`.
        BagError: the name asks for another format.
    """
    if path.suffix == '.mcap':
        check_output(path, force)
        return
    if path.suffix in _FOREIGN_SUFFIXES:
        raise BagError(f'{path}: the output is written as MCAP; give a name that ends in .mcap, '
                       f'or one without suffix for a rosbag2 folder')
    target = _resolved(path)
    if target.exists():
        if not force:
            raise DataError(f'{path} exists already: give another name, or --force to replace it')
        if not (target / 'metadata.yaml').is_file():
            raise DataError(f'{path} is not a rosbag2 folder: it is not replaced; give another '
                            f'name')
    check_folder(target.parent)


@contextmanager
def open_output(path: Path, *, compression: str, force: bool) -> Iterator[OutputBag]:
    """Open a bag for writing that appears under its name only when the block ends well.

    Args:
        path: ``NAME.mcap`` for one file, else a folder with metadata.yaml.

    Raises:
        DataError, BagError: see `check_bag_output`; or the disk is full.
    """
    check_bag_output(path, force)
    if path.suffix == '.mcap':
        with atomic_path(path, force=force) as temporary:
            with _writing(OutputBag(temporary, compression)) as bag:
                yield bag
                bag.finish(path.name)
        return
    with _atomic_folder(path) as folder:
        name = f'{path.name}_0.mcap'
        with _writing(OutputBag(folder / name, compression)) as bag:
            yield bag
            (folder / 'metadata.yaml').write_text(bag.finish(name), encoding='utf-8')


@contextmanager
def _writing(bag: OutputBag) -> Iterator[OutputBag]:
    try:
        yield bag
    finally:
        bag.close()


@contextmanager
def _atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder that gets its final name, and replaces an old one, at the end."""
    target = _resolved(path)
    temporary = temporary_name(target)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.iterdir():
            sync(file)
        sync(temporary)
        _publish_folder(temporary, target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_disk_full(error):
            raise disk_full(path) from error
        raise


def _publish_folder(temporary: Path, target: Path) -> None:
    """Rename a folder; an old one is kept aside until the new one is in its place."""
    old = None
    if target.exists():
        old = temporary_name(target)
        os.rename(target, old)
    try:
        os.rename(temporary, target)
    except OSError:
        if old is not None:
            os.rename(old, target)
        raise
    with suppress(OSError):
        sync(target.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _to_yaml(value: Any) -> str:
    yaml = YAML(typ='safe')
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda _: True
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()
