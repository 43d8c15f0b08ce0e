# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural textures: square, tiling, RGB in 0..1, from a generator of random numbers alone.

Matching networks learn from the *variety* of what they see (Mayer et al. 2018), so each recipe
draws its own scales, contrasts and colours, and some leave next to nothing to match.
"""

from __future__ import annotations

from collections.abc import Callable
import math

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.data.synthetic.dice import Dice

SIZE = 256


def grid(device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel centres u (columns) and v (rows) in 0..1, (SIZE, SIZE) each."""
    line = (torch.arange(SIZE, device=device, dtype=torch.float32) + 0.5) / SIZE
    return line[None, :].expand(SIZE, SIZE), line[:, None].expand(SIZE, SIZE)


def fractal_noise(dice: Dice, slope: float, low_cut: float = 1.0, stretch: float = 1.0) -> Tensor:
    """Noise with a power-law spectrum, mean 0, deviation 1; slope 0 = white, 2 = clouds."""
    device = dice.device
    fy = torch.fft.fftfreq(SIZE, 1 / SIZE, device=device)[:, None]
    fx = torch.fft.rfftfreq(SIZE, 1 / SIZE, device=device)[None, :] * stretch
    radius = (fx * fx + fy * fy).sqrt()
    gain = radius.clamp(min=low_cut) ** -slope * (radius > 0)
    spectrum = torch.fft.rfft2(dice.normal(SIZE, SIZE)) * gain
    noise = torch.fft.irfft2(spectrum, s=(SIZE, SIZE))
    return (noise - noise.mean()) / noise.std().clamp(min=1e-6)


def palette(dice: Dice, count: int) -> Tensor:
    """Colours, (count, 3) in 0..1: a common tone with individual departures."""
    base = dice.uniform(3) * 0.8 + 0.1
    spread = dice.between(0.05, 0.5)
    colors = base + (dice.uniform(count, 3) - 0.5) * 2 * spread
    if dice.chance(0.3):  # shades of one colour
        colors = base * (0.3 + 1.2 * dice.uniform(count, 1))
    gray = colors.mean(-1, keepdim=True)  # most of the world is not very colourful
    return (gray + (colors - gray) * dice.between(0.05, 1)).clamp(0.02, 0.98)


def ramp(value: Tensor, colors: Tensor) -> Tensor:
    """Map 0..1 onto a list of colours with linear blends: (H, W) -> (3, H, W)."""
    position = value.clamp(0, 1) * (len(colors) - 1)
    first = position.floor().long().clamp(max=len(colors) - 2)
    share = (position - first)[..., None]
    mixed = colors[first] * (1 - share) + colors[first + 1] * share
    return mixed.permute(2, 0, 1)


def clouds(dice: Dice) -> Tensor:
    """Fractal noise in two to five colours."""
    noise = fractal_noise(dice, dice.between(0.6, 2.2), dice.between(1, 12),
                          dice.choice([1.0, 1.0, 0.25, 4.0]))
    return ramp(noise * dice.between(0.1, 0.35) + 0.5, palette(dice, dice.integer(2, 5)))


def grain(dice: Dice) -> Tensor:
    """Independent noise in each channel over a smooth base: gravel, fabric, plaster."""
    fine = torch.stack([fractal_noise(dice, dice.between(0.0, 1.0)) for _ in range(3)])
    common = fractal_noise(dice, dice.between(0.2, 1.2))
    strength = dice.between(0.02, 0.2)
    return palette(dice, 1)[0][:, None, None] + strength * (0.3 * fine + common)


def plain(dice: Dice) -> Tensor:
    """Painted wall: hardly any texture."""
    noise = fractal_noise(dice, dice.between(1.0, 2.5))
    speckle = fractal_noise(dice, 0.3)
    color = palette(dice, 1)[0][:, None, None]
    return color + dice.between(0, 0.03) * noise + dice.between(0, 0.012) * speckle


def _cells(dice: Dice, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nearest and second nearest of random points on the torus: index, distances."""
    u, v = grid(dice.device)
    points = dice.uniform(count, 2)
    du = (u - points[:, 0, None, None]).abs()
    dv = (v - points[:, 1, None, None]).abs()
    squared = torch.minimum(du, 1 - du) ** 2 + torch.minimum(dv, 1 - dv) ** 2
    near, index = squared.min(0)
    squared.scatter_(0, index[None], 9.0)
    return index, near.sqrt(), squared.amin(0).sqrt()


def voronoi(dice: Dice) -> Tensor:
    """Stones or leather: cells with own colours and dark seams."""
    index, near, second = _cells(dice, dice.integer(8, 60))
    colors = palette(dice, 60)[index].permute(2, 0, 1)
    seam = ((second - near) * dice.between(20, 120)).clamp(0, 1)
    return colors * (dice.between(0.1, 0.8) * (1 - seam) + seam)


def dead_leaves(dice: Dice) -> Tensor:
    """Discs and squares that cover each other: edges on all scales, as in natural images."""
    u, v = grid(dice.device)
    count = dice.integer(40, 110)
    steepness = dice.between(1.5, 4)
    colors = palette(dice, count)
    image = palette(dice, 1)[0][:, None, None].expand(3, SIZE, SIZE)
    for color in colors:
        angle, radius = dice.between(0, math.pi), 0.02 + 0.25 * dice.between(0, 1) ** steepness
        du = (u - dice.between(0, 1)) % 1 - 0.5
        dv = (v - dice.between(0, 1)) % 1 - 0.5
        a = du * math.cos(angle) + dv * math.sin(angle)
        b = (dv * math.cos(angle) - du * math.sin(angle)) / dice.between(0.4, 1)
        square = dice.chance(0.4)
        reach = torch.maximum(a.abs(), b.abs()) if square else (a * a + b * b).sqrt()
        image = torch.where(reach < radius, color[:, None, None], image)
    return image * (1 + dice.between(0, 0.12) * fractal_noise(dice, 0.8))


def foliage(dice: Dice) -> Tensor:
    """Leaves: small high-contrast patches in greens or autumn colours."""
    noise = fractal_noise(dice, dice.between(0.7, 1.2), dice.between(4, 16))
    shade = torch.sigmoid(noise * dice.between(1, 4))
    tone = torch.tensor([dice.between(0.15, 0.7), dice.between(0.35, 0.75),
                         dice.between(0.05, 0.3)], device=dice.device)
    return tone[:, None, None] * (0.15 + 0.95 * shade) + 0.04 * fractal_noise(dice, 0.2)


def bricks(dice: Dice) -> Tensor:
    """Rows of bricks or tiles with joints, each its own shade."""
    u, v = grid(dice.device)
    rows, columns = 2 * dice.integer(1, 10), dice.integer(1, 8)
    shift = dice.choice([0.0, 0.5])
    row = (v * rows).floor()
    x = u * columns + shift * (row % 2)
    joint = dice.between(0.02, 0.15)
    is_joint = ((x % 1) < joint * columns / rows * 2) | ((v * rows % 1) < joint)
    shades = dice.uniform(rows, columns)[row.long(), x.floor().long() % columns]
    colors = palette(dice, 3)
    face = ramp(shades, colors[:2]) * (1 + dice.between(0, 0.15) * fractal_noise(dice, 0.9))
    return torch.where(is_joint, colors[2][:, None, None], face)


def stripes(dice: Dice) -> Tensor:
    """Repeated patterns, the hardest thing to match: stripes, checks, blinds, corrugated iron."""
    u, v = grid(dice.device)
    kind = dice.integer(0, 3)
    n, m = dice.integer(2, 24), dice.integer(1, 24)
    phase = n * u + (m * v if kind == 1 else 0)
    wave = torch.sin(2 * math.pi * phase)
    if kind == 2:
        wave = wave * torch.sin(2 * math.pi * m * v)
    if kind == 3:
        wave = torch.sin(2 * math.pi * m * v)
    value = torch.sigmoid(wave * dice.choice([1.0, 3.0, 30.0]))
    return ramp(value, palette(dice, 2)) * (1 + dice.between(0, 0.1) * fractal_noise(dice, 1.0))


def wood(dice: Dice) -> Tensor:
    """Grain lines bent by slow noise."""
    _, v = grid(dice.device)
    bend = fractal_noise(dice, 2.0, 1.0, 4.0) * dice.between(0.02, 0.12)
    lines = torch.sin(2 * math.pi * (v * dice.integer(3, 20) + bend * dice.between(2, 12)))
    fibre = fractal_noise(dice, 0.8, 2.0, 0.1) * 0.25
    tone = palette(dice, 2)
    return ramp(0.5 + 0.3 * lines + fibre * 0.4, tone)


def glyphs(dice: Dice) -> Tensor:
    """Lines of marks like writing or labels, on paper of one colour."""
    rows, columns = dice.integer(3, 16), dice.integer(6, 32)
    fine = dice.integer(3, 5)
    density = dice.between(0.3, 0.6)
    marks = (dice.uniform(rows * (fine + 1), columns * (fine + 1)) < density).float()
    marks[fine::fine + 1] = 0
    marks[:, fine::fine + 1] = 0
    gaps = (dice.uniform(rows, columns) < 0.15).float()
    gaps = gaps.repeat_interleave(fine + 1, 0).repeat_interleave(fine + 1, 1)
    ink = F.interpolate((marks * (1 - gaps))[None, None], (SIZE, SIZE), mode='bilinear')[0, 0]
    return ramp((ink * 1.6).clamp(0, 1), palette(dice, 2))


RECIPES: dict[Callable[[Dice], Tensor], float] = {
    clouds: 3, grain: 2.5, plain: 2.5, voronoi: 1.2, dead_leaves: 3, foliage: 1.5, bricks: 1.5,
    stripes: 0.8, wood: 1, glyphs: 1.2,
}


def random_texture(dice: Dice) -> Tensor:
    """One texture, (3, SIZE, SIZE) in 0..1; one in four blends two recipes by a third's mask."""
    recipes, weights = list(RECIPES), list(RECIPES.values())
    image = dice.weighted(recipes, weights)(dice)
    if dice.chance(0.25):
        other = dice.weighted(recipes, weights)(dice)
        mask = torch.sigmoid(fractal_noise(dice, 1.6) * 8 + dice.between(-4, 4))
        image = image * mask + other * (1 - mask)
    if dice.chance(0.5):  # uneven dirt and light
        image = image * (1 + dice.between(0.02, 0.15) * fractal_noise(dice, 1.8))
    return image.clamp(0, 1)


class TextureBank:
    """A stock of textures that some scenes share, since painting costs more than rendering.

    Args:
        seed: the same seed gives the same stock.
        count: textures in stock.
        device: where they are painted and kept.
        paint: gives one texture.
    """

    def __init__(self, seed: int, count: int = 40, device: torch.device | str = 'cpu',
                 paint: Callable[[Dice], Tensor] = random_texture) -> None:
        dice = Dice(seed, device)
        self.textures = torch.stack([paint(dice) for _ in range(count)])

    def draw(self, dice: Dice, count: int) -> Tensor:
        """Give (count, 3, SIZE, SIZE): some of the stock, recoloured so that no two are alike."""
        order = torch.randperm(len(self.textures), generator=dice.scalars)[:count]
        textures = self.textures[order.to(self.textures.device)]
        looks = []
        for texture in textures:
            channels = dice.choice([(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
            look = texture[list(channels)]
            if dice.chance(0.3):
                look = 1 - look
            bent = look.sqrt() if dice.chance(0.5) else look * look  # a gamma, but cheaper
            look = torch.lerp(look, bent, dice.between(0, 1))
            looks.append((look * dice.between(0.6, 1.2)).clamp(0, 1))
        return torch.stack(looks)
