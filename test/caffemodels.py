# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes caffemodels for the tests: Caffe's own messages, in every form its readers must take."""

from __future__ import annotations

import struct

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes([*out, value])


def tag(number, wire):
    return varint(number << 3 | wire)


def delimited(number, payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return tag(number, BYTES) + varint(len(payload)) + payload


def blob(values, form='new'):
    """Encode a BlobProto.

    ``form``: ``new`` (shape, packed floats), ``legacy`` (num, channels, height, width),
    ``unpacked``, ``double``, ``unpacked double``, ``gradients`` (with a diff of equal size).
    """
    values = np.asarray(values)
    flat = values.reshape(-1)
    if form == 'legacy':
        sizes = (1,) * (4 - values.ndim) + values.shape
        shape = b''.join(tag(n, VARINT) + varint(s) for n, s in enumerate(sizes, 1))
    elif form == 'unpacked':
        shape = delimited(7, b''.join(tag(1, VARINT) + varint(s) for s in values.shape))
    else:
        shape = delimited(7, delimited(1, b''.join(varint(s) for s in values.shape)))
    if form == 'unpacked':
        data = b''.join(tag(5, FIXED32) + struct.pack('<f', v) for v in flat)
    elif form == 'unpacked double':
        data = b''.join(tag(8, FIXED64) + struct.pack('<d', v) for v in flat)
    elif form == 'double':
        data = delimited(8, flat.astype('<f8').tobytes())
    else:
        data = delimited(5, flat.astype('<f4').tobytes())
    if form == 'gradients':
        data += delimited(6, np.ones_like(flat, '<f4').tobytes())
    # Caffe writes values before the shape: field 5 before field 7
    return data + shape


def layer(name, kind, blobs, form='new'):
    """Encode a layer as a field of NetParameter; with things a reader must skip."""
    body = (delimited(1, name) + delimited(2, kind) + delimited(3, 'bottom') + delimited(4, name)
            + tag(5, FIXED32) + struct.pack('<f', 1.0))
    body += b''.join(delimited(7, blob(b, form)) for b in blobs)
    body += tag(10, VARINT) + varint(1) + delimited(106, tag(1, VARINT) + varint(64))
    return delimited(100, body)


def v1_layer(name, kind, blobs, form='legacy'):
    """Encode a layer as Caffe did in 2014; ``kind`` is a number."""
    body = (delimited(2, 'bottom') + delimited(3, name) + delimited(4, name)
            + tag(5, VARINT) + varint(kind))
    body += b''.join(delimited(6, blob(b, form)) for b in blobs)
    return delimited(2, body)


def net(layers, name='net'):
    return delimited(1, name) + b''.join(layers)


def network_layers(network, names, form='new', deconvolution_bias=0.0, v1=False):
    """Encode the weights of a network of ours as its authors' files hold them.

    Deconvolutions without a bias get the constant one that the Caffe files carry.
    """
    import torch
    layers = []
    for ours, theirs in names.items():
        module = network.get_submodule(ours)
        blobs = [module.weight.detach().numpy()]
        deconvolution = isinstance(module, torch.nn.ConvTranspose2d)
        blobs.append(np.full(module.out_channels, deconvolution_bias, np.float32)
                     if module.bias is None else module.bias.detach().numpy())
        if v1:
            layers.append(v1_layer(theirs, 39 if deconvolution else 4, blobs))
        else:
            kind = 'Deconvolution' if deconvolution else 'Convolution'
            layers.append(layer(theirs, kind, blobs, form))
        layers.append(layer(f'ReLU_{theirs}', 'ReLU', []))
    return layers


def mean_layer(name, mean, iterations=1000.0):
    """Encode a DataAugmentation layer: iterations, mean per pixel, mean per channel."""
    mean = np.asarray(mean, np.float32)
    return layer(name, 'DataAugmentation', [
        np.full((1, 1, 1, 1), iterations), np.broadcast_to(mean[:, None, None], (3, 4, 6))[None],
        mean.reshape(1, 3, 1, 1)])
