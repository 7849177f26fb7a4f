"""snnTorch on the processor: the dense network of a file, run and timed.

``python snntorch_layers.py FILE.npz``, in the environment of the peers. Prints JSON: seconds of
each run (without building the network or converting its inputs), spikes of each layer.

The file holds ``weight0``, ``weight1``, ... [out, in], ``dt_over_tau``, ``inputs`` of 0 and 1
[steps, batch, channels] and ``repeats``. Neurons are ``snntorch.Leaky`` that reset to zero in the
step in which they spike. Weights are scaled by ``k = dt_over_tau``, so ``v = (1 - k) v + k I``. In
inference mode, without a surrogate gradient; no spikes are kept but those of the last layer.

Three ways to write it, each with one thread and with two, by turns: ``loop`` steps through all
layers, as in the tutorials of snnTorch; ``window`` multiplies the inputs of all steps by the
first weights at once and then steps; ``layerwise`` runs each layer over all steps before the
next, which only a network without loops allows. ``seconds`` is of the fastest by its median.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import snntorch
import torch
from torch import nn
from turns import wait_for_turn


class Chain(nn.Module):
    """Layers of leaky neurons, each after a stage of weights."""

    def __init__(self, stages: list[nn.Module], dt_over_tau: float) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        options = {"reset_mechanism": "zero", "reset_delay": False, "surrogate_disable": True}
        beta = 1 - dt_over_tau
        self.neurons = nn.ModuleList(snntorch.Leaky(beta=beta, **options) for _ in stages)


def main() -> None:
    """Run the network of the file."""
    given = np.load(sys.argv[1])
    k = float(given["dt_over_tau"])
    weights = [given[f"weight{number}"] for number in range(_layers(given))]
    chain = Chain([linear(each * k) for each in weights], k)
    print(json.dumps(measured(chain, given)))


def linear(weight: np.ndarray) -> nn.Module:
    """Return a product with a matrix [out, in]."""
    stage = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    stage.weight.data = torch.from_numpy(weight.astype(np.float32))
    return stage


def measured(chain: Chain, given: Any) -> dict[str, Any]:
    """Return seconds and spikes of a chain with the inputs of a file."""
    chain.eval()
    inputs = torch.from_numpy(given["inputs"].astype(np.float32))
    cases = [(name, threads) for threads in (1, 2) for name in VARIANTS]
    seconds: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
    last = set()
    with torch.inference_mode():
        spikes = spikes_by_layer(chain, inputs)
        for turn in range(int(given["repeats"]) + 1):
            wait_for_turn()
            for name, threads in cases:
                torch.set_num_threads(threads)
                start = time.perf_counter()
                output = VARIANTS[name](chain, inputs)
                if turn:
                    seconds[name, threads].append(time.perf_counter() - start)
                last.add(int(output.sum()))
    variants = [
        {"variant": name, "threads": threads, "seconds": times}
        for (name, threads), times in seconds.items()
    ]
    best = min(variants, key=lambda each: statistics.median(each["seconds"]))
    return {
        **best,
        "spikes": sum(spikes),
        "spikes_per_layer": spikes,
        "spikes_of_last_layer": sorted(last),
        "input_spikes": int(inputs.sum()),
        "steps": inputs.shape[0],
        "batch": inputs.shape[1],
        "variants": variants,
        "versions": {"torch": torch.__version__, "snntorch": snntorch.__version__},
    }


def spikes_by_layer(chain: Chain, inputs: torch.Tensor) -> list[int]:
    """Return the spikes of each layer over all steps and samples."""
    counts = []
    for stage, neuron in zip(chain.stages, chain.neurons, strict=True):
        inputs = _over_steps(neuron, _all_at_once(stage, inputs))
        counts.append(int(inputs.sum(dtype=torch.float64)))
    return counts


def _loop(chain: Chain, inputs: torch.Tensor) -> torch.Tensor:
    membranes = [neuron.reset_mem() for neuron in chain.neurons]
    layers = list(zip(chain.stages, chain.neurons, strict=True))
    fired = []
    for spikes in inputs:
        for number, (stage, neuron) in enumerate(layers):
            spikes, membranes[number] = neuron(stage(spikes), membranes[number])  # noqa: PLW2901
        fired.append(spikes)
    return torch.stack(fired)


def _window(chain: Chain, inputs: torch.Tensor) -> torch.Tensor:
    membranes = [neuron.reset_mem() for neuron in chain.neurons]
    layers = list(zip(chain.stages, chain.neurons, strict=True))[1:]
    fired = []
    for current in _all_at_once(chain.stages[0], inputs):
        spikes, membranes[0] = chain.neurons[0](current, membranes[0])
        for number, (stage, neuron) in enumerate(layers, start=1):
            spikes, membranes[number] = neuron(stage(spikes), membranes[number])
        fired.append(spikes)
    return torch.stack(fired)


def _layerwise(chain: Chain, inputs: torch.Tensor) -> torch.Tensor:
    for stage, neuron in zip(chain.stages, chain.neurons, strict=True):
        inputs = _over_steps(neuron, _all_at_once(stage, inputs))
    return inputs


def _all_at_once(stage: nn.Module, spikes: torch.Tensor) -> torch.Tensor:
    return stage(spikes.flatten(0, 1)).unflatten(0, spikes.shape[:2])


def _over_steps(neuron: nn.Module, currents: torch.Tensor) -> torch.Tensor:
    membrane, fired = neuron.reset_mem(), []
    for current in currents:
        spikes, membrane = neuron(current, membrane)
        fired.append(spikes)
    return torch.stack(fired)


def _layers(given: Any) -> int:
    return sum(name.startswith("weight") for name in given.files)


VARIANTS: dict[str, Callable[[Chain, torch.Tensor], torch.Tensor]] = {
    "loop": _loop,
    "window": _window,
    "layerwise": _layerwise,
}


if __name__ == "__main__":
    main()
