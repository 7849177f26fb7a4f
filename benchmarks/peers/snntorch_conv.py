"""snnTorch on the processor: the convolutional network of a file, run and timed.

``python snntorch_conv.py FILE.npz``, in the environment of the peers. Prints JSON as
``snntorch_layers`` does, whose neurons and ways to step it shares.

The file holds ``weight0`` and ``weight1`` [out, in, height, width], ``weight2`` and ``weight3``
[out, in], ``dt_over_tau``, ``pool`` ("average" or "sum"), ``inputs`` of 0 and 1 [steps, batch,
channels, height, width] and ``repeats``. Convolutions have stride 1 and no padding; the spikes of
both are pooled 2x2, without an odd last row or column, before the next layer.
"""

import json
import sys

import numpy as np
import torch
from snntorch_layers import Chain, linear, measured
from torch import nn


def main() -> None:
    """Run the network of the file."""
    given = np.load(sys.argv[1])
    k = float(given["dt_over_tau"])
    first, second, third, fourth = (given[f"weight{number}"] * k for number in range(4))
    # The sum is the average without its division.
    divisor = {"average": 4, "sum": 1}[str(given["pool"])]
    pool = nn.AvgPool2d(2, divisor_override=divisor)
    stages = [
        convolution(first),
        nn.Sequential(pool, convolution(second)),
        nn.Sequential(pool, nn.Flatten(), linear(third)),
        linear(fourth),
    ]
    print(json.dumps(measured(Chain(stages, k), given)))


def convolution(weight: np.ndarray) -> nn.Module:
    """Return a convolution with filters [out, in, height, width]."""
    stage = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], bias=False)
    stage.weight.data = torch.from_numpy(weight.astype(np.float32))
    return stage


if __name__ == "__main__":
    main()
