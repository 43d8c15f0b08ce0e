# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How alike two pictures are: judges a disparity without ground truth, by the view it warps."""

from __future__ import annotations

import cv2
import numpy as np

from depth_learning_ros.errors import DataError

PEAK = 255.0
SSIM_WINDOW_PX = 11
SSIM_SIGMA_PX = 1.5
SSIM_C1 = (0.01 * PEAK) ** 2
SSIM_C2 = (0.03 * PEAK) ** 2


def psnr(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(255^2 / mean squared difference), in dB.

    Args:
        image: [H, W, C], values 0..255.
        reference: the same.
        mask: bool [H, W], pixels that count; None = all.

    Returns:
        inf for equal pictures, NaN when no pixel counts.

    Raises:
        DataError: the sizes differ.
    """
    first, second = _as_floats(image, reference)
    squared = (first - second) ** 2
    if mask is not None:
        squared = squared[mask]
    if not squared.size:
        return float('nan')
    mean = float(squared.mean())
    return float('inf') if mean == 0 else float(10 * np.log10(PEAK ** 2 / mean))


def ssim(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity (Wang et al. 2004), mean over pixels and channels, at most 1.

    Local means, variances and the covariance are taken with a Gaussian window of 11 x 11 pixels,
    sigma 1.5 (borders mirrored); C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2.

    Args:
        image: [H, W, C], values 0..255.
        reference: the same.
        mask: bool [H, W], pixels whose similarity counts; None = all.

    Returns:
        The mean, NaN when no pixel counts.

    Raises:
        DataError: the sizes differ.
    """
    x, y = _as_floats(image, reference)
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x ** 2
    variance_y = _blur(y * y) - mean_y ** 2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = (((2 * mean_x * mean_y + SSIM_C1) * (2 * covariance + SSIM_C2))
                  / ((mean_x ** 2 + mean_y ** 2 + SSIM_C1)
                     * (variance_x + variance_y + SSIM_C2)))
    if mask is not None:
        similarity = similarity[mask]
    return float(similarity.mean()) if similarity.size else float('nan')


def _blur(values: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(values, (SSIM_WINDOW_PX, SSIM_WINDOW_PX), SSIM_SIGMA_PX,
                               borderType=cv2.BORDER_REFLECT_101)
    return blurred.reshape(values.shape)


def _as_floats(image: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if image.shape != reference.shape:
        raise DataError(f'the pictures are {list(image.shape)} and {list(reference.shape)}: they '
                        f'must have one size')
    return image.astype(np.float64), reference.astype(np.float64)
