# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ray casting of the demo's hall: colours free of aliasing, and the exact depth at pixel centres.

One ray a pixel finds what is seen there; pixels beside an edge are coloured again by several rays
each, as the area of a real pixel sees both sides. Depth is that of the ray through the centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from depth_learning_ros.demo.hall import Thing
from depth_learning_ros.demo.light import bake, light_on
from depth_learning_ros.demo.ripmap import Ripmap, sample_light
from depth_learning_ros.demo.surfaces import NEAR_M, Quad, Rays, Surface, Vector, dot, minus
from depth_learning_ros.demo.textures import paint
from depth_learning_ros.types import StereoCamera

# A rotated grid: four rays that share no row and no column.
_RAYS_PER_EDGE_PIXEL = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
_NOTHING = -1
Window = tuple[slice, slice]
Windows = Sequence['Window | None']
_SQUARES = (np.arange(256, dtype=np.float32) / 255) ** 2


@dataclass(frozen=True)
class View:
    """A pinhole camera in the hall.

    Attributes:
        position: world, metres.
        axes: its x, y and z axis in the world, unit vectors.
        camera: focal length, principal point and size of its image.
    """

    position: Vector
    axes: tuple[Vector, Vector, Vector]
    camera: StereoCamera

    def rays(self) -> Rays:
        """Return the rays through the pixel centres: x [1, W], y [H, 1]."""
        camera = self.camera
        x = (np.arange(camera.width, dtype=np.float32) - camera.cx) / camera.focal_px
        y = (np.arange(camera.height, dtype=np.float32) - camera.cy) / camera.focal_px
        return Rays(self.position, self.axes, x[None, :], y[:, None], 1 / camera.focal_px)

    def window(self, surface: Surface, corners: Sequence[Vector]) -> Window | None:
        """Return the rows and columns that a surface can cover; None if it cannot be seen."""
        if isinstance(surface, Quad) and not surface.faces(self.position):
            return None
        seen = [(dot(self.axes[0], c), dot(self.axes[1], c), dot(self.axes[2], c))
                for c in (minus(corner, self.position) for corner in corners)]
        if isinstance(surface, Quad):
            seen = _clipped(seen)
        if not seen or max(z for _, _, z in seen) <= NEAR_M:
            return None
        camera = self.camera
        if min(z for _, _, z in seen) < NEAR_M:
            return slice(0, camera.height), slice(0, camera.width)
        columns = [x / z * camera.focal_px + camera.cx for x, _, z in seen]
        rows = [y / z * camera.focal_px + camera.cy for _, y, z in seen]
        left, right = max(0, int(min(columns)) - 1), min(camera.width, int(max(columns)) + 2)
        top, bottom = max(0, int(min(rows)) - 1), min(camera.height, int(max(rows)) + 2)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _clipped(polygon: Sequence[Vector]) -> list[Vector]:
    """Return the part of a polygon in front of a camera (Sutherland and Hodgman 1974)."""
    kept: list[Vector] = []
    for index, end in enumerate(polygon):
        start = polygon[index - 1]
        if (start[2] > NEAR_M) != (end[2] > NEAR_M):
            share = (NEAR_M - start[2]) / (end[2] - start[2])
            x, y = (s + share * (e - s) for s, e in zip(start[:2], end[:2], strict=True))
            kept.append((x, y, NEAR_M * 1.0001))
        if end[2] > NEAR_M:
            kept.append(end)
    return kept


def _beside_edges(seen: np.ndarray) -> np.ndarray:
    """Return where a pixel or one beside it shows another thing; bool [H, W]."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(seen, cross) != cv2.erode(seen, cross)


def _size(thing: Thing) -> tuple[float, float]:
    """Return the extent of a face along u and v, metres."""
    surface = thing.surface
    if isinstance(surface, Quad):
        return surface.width, surface.height
    return 1.0, 1.0  # curved things have no maps that are stretched over them


class Renderer:
    """Knows the things of a hall, their textures and their light; ready for any view.

    Args:
        things: what is there.
    """

    def __init__(self, things: Sequence[Thing]) -> None:
        self._things = list(things)
        kinds = {(thing.texture, thing.variant) for thing in self._things}
        self._ripmaps = {kind: Ripmap(paint(*kind)) for kind in sorted(kinds)}
        self._corners = [thing.surface.corners() for thing in self._things]
        self._lightmaps = bake(self._things)

    def render(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Render a view.

        Returns:
            The light that reaches each pixel, float32 [H, W, 3], RGB, 1 = white paper in full
            light; and the depth at its centre, float32 [H, W], metres along the camera's z axis.
        """
        rays = view.rays()
        windows = [view.window(thing.surface, corners)
                   for thing, corners in zip(self._things, self._corners, strict=True)]
        depth, seen = self._trace(rays, windows)
        light = self._colored(rays, depth, seen)
        self._smooth_edges(light, rays, seen, windows)
        return light, depth

    def _trace(self, rays: Rays, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        shape = np.broadcast_shapes(rays.x.shape, rays.y.shape)
        depth = np.full(shape, np.inf, np.float32)
        seen = np.full(shape, _NOTHING, np.int16)
        for index, (thing, window) in enumerate(zip(self._things, windows, strict=True)):
            if window is None:
                continue
            rows, columns = window
            found = thing.surface.depth(replace(rays, x=rays.x[:, columns], y=rays.y[rows]))
            if found is not None:
                nearer = found < depth[window]
                np.copyto(depth[window], found, where=nearer)
                np.copyto(seen[window], index, where=nearer)
        return depth, seen

    def _smooth_edges(self, light: np.ndarray, rays: Rays, seen: np.ndarray,
                      windows: Windows) -> None:
        rows, columns = np.nonzero(_beside_edges(seen))
        x = [rays.x[0, columns] + np.float32(dx * rays.pixel) for dx, _ in _RAYS_PER_EDGE_PIXEL]
        y = [rays.y[rows, 0] + np.float32(dy * rays.pixel) for _, dy in _RAYS_PER_EDGE_PIXEL]
        # Hidden things stay hidden: only what was seen somewhere is traced again.
        visible = np.unique(seen[seen != _NOTHING]).tolist()
        several = replace(rays, x=np.stack(x, axis=1), y=np.stack(y, axis=1))
        depth, seen = self._trace_near(several, rows, columns,
                                       {index: windows[index] for index in visible})
        light[rows, columns] = self._colored(several, depth, seen).mean(axis=1)

    def _trace_near(self, rays: Rays, rows: np.ndarray, columns: np.ndarray,
                    windows: Mapping[int, Window | None]) -> tuple[np.ndarray, np.ndarray]:
        """Trace rays [N, R] near the N pixels (rows, columns); rows must rise."""
        depth = np.full(rays.x.shape, np.inf, np.float32)
        seen = np.full(rays.x.shape, _NOTHING, np.int16)
        for index, window in windows.items():
            if window is None:
                continue
            first, last = np.searchsorted(rows, (window[0].start, window[0].stop)).tolist()
            nearby = columns[first:last]
            within = first + np.flatnonzero((nearby >= window[1].start)
                                            & (nearby < window[1].stop))
            found = self._things[index].surface.depth(
                replace(rays, x=rays.x[within], y=rays.y[within]))
            if found is not None:
                before = depth[within]
                depth[within] = np.minimum(found, before)
                seen[within] = np.where(found < before, np.int16(index), seen[within])
        return depth, seen

    def _colored(self, rays: Rays, depth: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return the light that comes back along rays; float32 [..., 3], 0 where nothing is."""
        x, y = (np.broadcast_to(part, seen.shape).reshape(-1) for part in (rays.x, rays.y))
        flat_depth, flat_seen = depth.reshape(-1), seen.reshape(-1)
        colors = np.zeros((seen.size, 3), np.float32)
        order = np.argsort(flat_seen, kind='stable')
        counts = np.bincount(flat_seen + 1, minlength=len(self._things) + 1)
        for index, at in enumerate(np.split(order, np.cumsum(counts)[:-1])[1:]):
            if at.size:
                colors[at] = self._colors(index, replace(rays, x=x[at], y=y[at]), flat_depth[at])
        return colors.reshape(*seen.shape, 3)

    def _colors(self, index: int, rays: Rays, depth: np.ndarray) -> np.ndarray:
        """Return the light from points of one thing; float32 [N, 3]."""
        thing, lightmap = self._things[index], self._lightmaps[index]
        look = thing.surface.look(rays, depth)
        repeat_u, repeat_v = thing.repeat_m or _size(thing)
        paint_rgb = self._ripmaps[thing.texture, thing.variant].sample(
            look.u / repeat_u, look.v / repeat_v, look.footprint_u / repeat_u,
            look.footprint_v / repeat_v)
        if lightmap is None:
            points = [depth * rays.along(axis) + start for axis, start in zip(
                ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), rays.origin, strict=True)]
            lit = light_on(points, look.normal)
        else:
            width, height = _size(thing)
            lit = sample_light(lightmap, look.u * (lightmap.shape[1] / width) - 0.5,
                               look.v * (lightmap.shape[0] / height) - 0.5)
        return _SQUARES[paint_rgb] * lit[:, None]
