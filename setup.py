# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Installable with plain pip, and an ament_python package for colcon."""

from glob import glob
import os

from setuptools import find_packages, setup

PACKAGE = 'depth_learning_ros'
SHARE = os.path.join('share', PACKAGE)
NODES = ('stereo_node', 'mono_node', 'view_node', 'adaptation_node')

# DDS without ROS 2; the bytes handed to its C library have this release's form
LIVE = ['cyclonedds>=11.0.1,<12']
CPU = ['openvino>=2025.0', 'onnxruntime>=1.20']
# onnxruntime: an export is compared with PyTorch before it gets its name
TRAIN = ['torch>=2.6', 'lightning-fabric>=2.5', 'pyyaml>=6', 'onnx>=1.17', 'onnxruntime>=1.20']
# onnx: the builder writes the precision into the graph. 96 MB to fetch, 234 MB installed.
TENSORRT_RTX = ['tensorrt-rtx-cu13>=1.5; platform_machine == "x86_64"', 'onnx>=1.17']

setup(
    name=PACKAGE,
    version='0.1.0',
    description='Learned depth for robots: stereo networks from cameras and bags to point clouds',
    long_description=open('README.md', encoding='utf-8').read(),
    long_description_content_type='text/markdown',
    author='The depth_learning_ros authors',
    license='Apache-2.0',
    packages=find_packages(exclude=['test', 'test.*', 'benchmarks']),
    package_data={PACKAGE: ['py.typed', 'weights/*', 'models/*.json', 'evaluation/*.html']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        (os.path.join(SHARE, 'config'), [*glob('config/*.yaml'), *glob('config/*.xml')]),
        (os.path.join(SHARE, 'config', 'rviz'), glob('config/rviz/*.rviz')),
        (os.path.join(SHARE, 'config', 'training'), glob('config/training/*.yaml')),
        (os.path.join(SHARE, 'config', 'adaptation'), glob('config/adaptation/*.yaml')),
        (os.path.join(SHARE, 'launch'), glob('launch/*.launch.py')),
        (os.path.join(SHARE, 'launch', 'parts'), glob('launch/parts/*.launch.py')),
    ],
    zip_safe=False,
    python_requires='>=3.10',
    install_requires=[
        'numpy>=1.26',
        'opencv-python-headless>=4.8',
        'rosbags>=0.11.8,<0.12',
        # what rosbags brings and the bag readers use themselves
        'backports.zstd; python_version < "3.14"',
        'lz4>=4',
        'ruamel.yaml>=0.18',
        'tqdm>=4.66',
    ],
    extras_require={
        # run shipped or exported networks on a CPU; no PyTorch
        'cpu': CPU,
        # live ROS 2 topics with no ROS 2 installed
        'live': LIVE,
        # train, adapt, export and import networks
        'train': TRAIN,
        # engines for NVIDIA desktop GPUs; Jetson brings its own TensorRT
        'tensorrt-rtx': TENSORRT_RTX,
        # panels, clouds and pages need nothing more than the package itself
        'view': [],
        # there is no wheel of cyclonedds for other machines: tests of live topics are skipped
        'test': [*CPU, *TRAIN, *TENSORRT_RTX,
                 *(f'{name}; platform_machine == "x86_64"' for name in LIVE),
                 'pytest>=7.4', 'hypothesis>=6.100', 'ruff>=0.9', 'mypy>=1.13', 'types-PyYAML',
                 'safetensors>=0.4.3',
                 # what ROS 2's own Python code needs where it is sourced: apt brings it to the
                 # system's Python, not to a virtual environment
                 'argcomplete', 'lark', 'packaging'],
    },
    entry_points={'console_scripts': [
        'depth-learning = depth_learning_ros.cli:main',
        # `ros2 run depth_learning_ros <name>`; setup.cfg says where colcon puts them
        *(f'{node} = depth_learning_ros.nodes.start:{node}' for node in NODES),
    ]},
)
