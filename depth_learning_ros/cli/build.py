# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning build``: a TensorRT engine as one file, and what it is beside it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import add_force_option
from depth_learning_ros.cli.progress import progress_callback, say
from depth_learning_ros.errors import EngineError

if TYPE_CHECKING:
    from depth_learning_ros.engine.build import BuildRequest
    from depth_learning_ros.engine.engine_file import EngineFile, Shapes

_EPILOG = """\
An engine holds for one version of TensorRT and one GPU (tensorrt-rtx: for the compute capabilities
it was built for). OUT.engine.json beside it says which, and how far it is from PyTorch. Where a
GPU is, the engine is run and refused if it is wrong; where there is none (tensorrt-rtx) its graph
is checked on the CPU, and the engine is measured when a GPU first opens it.

examples:
  depth-learning build crl-small -o crl-small.engine --height 375 --width 1242
  depth-learning build my.safetensors -o my.engine --backend tensorrt-rtx --min 240x320 \\
      --opt 480x640 --max 720x1280 --compute-capability 8.9 --compute-capability 12.0
  depth-learning build crl-small -o int8.engine --precision int8 --calibrate drive.mcap
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('model', metavar='MODEL',
                        help="a name from 'depth-learning models', an .onnx or a .safetensors "
                             'file')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT.engine',
                        help='the engine to write')
    parser.add_argument('--backend', choices=('auto', 'tensorrt', 'tensorrt-rtx'), default='auto',
                        help='auto takes tensorrt where it and a GPU are, else tensorrt-rtx')
    parser.add_argument('--precision', choices=('fp32', 'fp16', 'int8'), default='fp16',
                        help='below fp32, what matters stays in float32 (default: fp16)')
    sizes = parser.add_argument_group('sizes')
    sizes.add_argument('--height', type=int, metavar='H', help='of the images, for one size only')
    sizes.add_argument('--width', type=int, metavar='W')
    sizes.add_argument('--batch', type=int, default=1, metavar='N',
                       help='pairs at a time; 2 for left-right checks (default: 1)')
    for name, text in (('min', 'smallest'), ('opt', 'usual'), ('max', 'largest')):
        sizes.add_argument(f'--{name}', type=_size, metavar='HxW',
                           help=f'{text} images, for an engine of many sizes')
    _add_library_options(parser.add_argument_group('library'))
    _add_int8_options(parser.add_argument_group('int8'))
    parser.add_argument('--cache-dir', type=Path, metavar='DIR',
                        help='where exports are kept (default: your cache folder)')
    add_force_option(parser)


def _add_library_options(group: Any) -> None:
    group.add_argument('--compute-capability', action='append', default=[], metavar='X.Y',
                       help='tensorrt-rtx: what to build for; repeatable (default: the GPU here, '
                            'without one all but 7.5)')
    group.add_argument('--workspace', type=int, metavar='MB',
                       help='memory that a layer may use for itself (default: no limit)')
    group.add_argument('--timing-cache', type=Path, metavar='FILE',
                       help='keeps what tensorrt timed, for faster builds')
    group.add_argument('--level', type=int, choices=range(6), metavar='0..5',
                       help='how long to search for fast kernels')
    group.add_argument('--dla', type=int, metavar='CORE',
                       help="run what it can on that core of a Jetson's accelerator")
    group.add_argument('--float32', metavar='PARTS', default='correlation,heads,warp',
                       help='what stays in float32 below fp32 (default: %(default)s)')


def _add_int8_options(group: Any) -> None:
    group.add_argument('--calibrate', type=Path, metavar='BAG',
                       help='stereo bag whose images int8 is calibrated on')
    group.add_argument('--images', type=int, default=64, metavar='N',
                       help='how many pairs of it, spread evenly (default: 64)')
    group.add_argument('--int8-budget', type=float, default=0.05, metavar='PX',
                       help='error that int8 may add, mean; what would add more stays in fp16 '
                            '(default: 0.05)')


def run(args: argparse.Namespace) -> int:
    """Build and say what came out."""
    _check(args)
    from depth_learning_ros.engine.engine_file import sidecar_of
    from depth_learning_ros.files import check_output
    for path in (args.output, sidecar_of(args.output)):
        check_output(path, args.force)
    try:
        from depth_learning_ros.engine.build import build_engine
    except ModuleNotFoundError as error:
        raise EngineError(f'building an engine needs {error.name}: pip install {error.name}'
                          ) from error
    library = _library(args.backend)
    model, weights = _find(args)
    request = _request(args, model)
    with progress_callback(f'building {args.output.name}', 'step') as on_progress:
        built = build_engine(library, model, request, say, on_progress, weights)
    built.save(args.output, force=args.force)
    print('\n'.join(_report(built, args.output)))
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.output.suffix != '.engine':
        raise UsageError(f'{args.output}: the output is an .engine file')
    profile = [args.min, args.opt, args.max]
    if any(profile) and not all(profile):
        raise UsageError('--min, --opt and --max belong together')
    if (args.height is None) != (args.width is None):
        raise UsageError('--height and --width belong together')
    if any(profile) == (args.height is not None):
        raise UsageError('say the size: either --height and --width, or --min, --opt and --max')
    if (args.precision == 'int8') != (args.calibrate is not None):
        raise UsageError('--precision int8 and --calibrate BAG belong together')
    for what, value in (('--batch', args.batch), ('--images', args.images),
                        ('--workspace', args.workspace)):
        if value is not None and value < 1:
            raise UsageError(f'{what} is {value}: it must be at least 1')


def _size(text: str) -> tuple[int, int]:
    height, cross, width = text.partition('x')
    if not (cross and height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f'{text!r} is no size: give HEIGHTxWIDTH, as 480x640')
    return int(height), int(width)


def _library(backend: str) -> Any:
    from depth_learning_ros.engine.cuda_driver import why_no_gpu
    from depth_learning_ros.engine.select import load_runner
    if backend != 'auto':
        return load_runner(backend).LIBRARY
    if not why_no_gpu():
        try:
            return load_runner('tensorrt').LIBRARY
        except EngineError:
            pass  # the other one says what is missing
    return load_runner('tensorrt-rtx').LIBRARY


def _find(args: argparse.Namespace) -> tuple[Any, Path | None]:
    """Give the exported file and its weights."""
    from depth_learning_ros.engine.cache import EngineCache
    from depth_learning_ros.engine.export_cached import export_into_cache
    from depth_learning_ros.engine.model_file import read_model_file
    from depth_learning_ros.engine.sources import find_source
    source = find_source(args.model)
    onnx = source.onnx
    if onnx is None:
        assert source.weights is not None
        onnx = export_into_cache(source.weights, EngineCache(args.cache_dir, say), say)
    return read_model_file(onnx), source.weights


def _request(args: argparse.Namespace, model: Any) -> BuildRequest:
    from depth_learning_ros.engine.build import BuildRequest
    from depth_learning_ros.engine.tensorrt_build import BuildOptions
    options = BuildOptions(_shapes(args), tuple(args.compute_capability), args.workspace,
                           args.timing_cache, args.dla, args.level)
    parts = frozenset(word.strip() for word in args.float32.split(',') if word.strip())
    ranges = _calibrate(args, model) if args.precision == 'int8' else None
    return BuildRequest(args.precision, options, parts, ranges)


def _shapes(args: argparse.Namespace) -> Shapes:
    from depth_learning_ros.engine.engine_file import Shapes
    if args.height is not None:
        shape = args.batch, args.height, args.width
        return Shapes(shape, shape, shape)
    return Shapes((1, *args.min), (1, *args.opt), (args.batch, *args.max))


def _calibrate(args: argparse.Namespace, model: Any) -> Any:
    from depth_learning_ros.engine.quantize import calibrate
    from depth_learning_ros.engine.quantize_choice import choose_int8
    from depth_learning_ros.engine.typed_graph import load_graph
    graph = load_graph(model.path)
    frames = list(_frames(args.calibrate, args.images))
    with progress_callback('calibrating', 'pair') as update:
        ranges = calibrate(graph, frames, update)
    with progress_callback('choosing what can be int8', 'trial') as update:
        ranges = choose_int8(graph, ranges, frames[len(frames) // 2], args.int8_budget, update)
    say(f'{len(ranges.kept)} convolutions stay in fp16, the others are int8')
    return ranges


def _frames(path: Path, count: int) -> Iterator[dict[str, Any]]:
    """Give pairs of a bag, spread evenly."""
    from depth_learning_ros.replay.bag import Bag
    from depth_learning_ros.replay.options import ReplayOptions
    from depth_learning_ros.replay.pairs import Frame, PairSource, Window
    from depth_learning_ros.replay.report import Statistics
    from depth_learning_ros.replay.topics import TopicWishes, find_stereo_topics
    from depth_learning_ros.types import StereoPair
    with Bag(path) as bag:
        topics = find_stereo_topics(bag.topics, TopicWishes())
        pairs = min(bag.topics[name].count for name in (topics.left, topics.right))
        options = ReplayOptions(every=max(1, pairs // count))
        source = PairSource(bag, topics, Window(bag.start_ns, bag.end_ns), options, Statistics())
        for item in source:
            if isinstance(item, Frame) and isinstance(item.pair, StereoPair):
                yield {'left': item.pair.left[None], 'right': item.pair.right[None]}


def _report(built: EngineFile, output: Path) -> Iterator[str]:
    identity, record = built.identity, built.record
    yield 'layers (kind, type, place):'
    for name, count in record.layers.items():
        yield f'  {count:5d}  {name}'
    if record.emulated is not None:
        yield f'graph, emulated on the CPU: {record.emulated} away from {record.reference_by}'
    yield (f'engine on the GPU: {record.measured} away from {record.reference_by}'
           if record.measured is not None else
           'engine: NOT MEASURED, there is no GPU for it here; it will be when it is first opened')
    where = identity.gpu or f'compute capability {", ".join(identity.compute_capabilities)}'
    yield (f'wrote {output}, {len(built.plan) / 1e6:.1f} MB, built in {record.build_seconds:.1f} '
           f's by {identity.library} {identity.version} for {where}, {identity.shapes}')
