"""Speed: whole simulations beside those of other simulators.

Each case runs the same network in chipletsim and in a peer (`make peers` installs them), by
turns, in one go on one machine. Only running is timed: networks are
built, mapped, loaded and compiled before, on both sides. Figures are medians; the spread is
(slowest - fastest) / median. Both sides are credited with the same synaptic events: a spike at
a synapse. Spikes are compared, too.

* ``recurrent``: random LIF neurons on 16 neurocores on four dies, every packet and bit on every
  link in every step counted, timed and priced, beside Brian2 in C++ standalone mode in float32,
  the better of one and two threads, without monitors and without any hardware. With the weights
  as they are, and with the 8 bits of a neurocore.
* ``priced``: the same kind of network on a Loihi-like chip, energy and latency of every step
  included, beside SANA-FE with timing `simple` on the same cores, the better of one and two
  threads; and the DVS gesture network that SANA-FE ships.
* ``784-1024-1024-10`` and ``conv``: feed-forward networks with real weights, no hardware on
  either side, beside snnTorch on torch's CPU and Spyx: the fastest of a loop over steps and of
  the ways to take more steps at once, one or two threads.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks import peers, workloads
from benchmarks.engine import synaptic_events
from benchmarks.harness import Row, Timing
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network

REPEATS = 3
"""Timed runs of ours before each of the peer's."""
PEER_REPEATS = 7
GESTURE_SPIKES = 365_277
"""Of the DVS gesture network in 1,000 steps, from SANA-FE's own tutorial on it."""
SCALE = 2.0**14
"""Of membranes in SANA-FE, which rounds them to 1/64 in each step."""

Turn = Callable[[], None]


def rows(quick: bool) -> list[Row]:
    """Return the figures of all cases."""
    cases = (_recurrent, _priced, _gesture, _layers, _convolutional)
    with tempfile.TemporaryDirectory() as folder:
        return [row for case in cases for row in case(Path(folder), quick)]


def _recurrent(folder: Path, quick: bool) -> list[Row]:
    sizes = ((4_000, 80, 2_000), (20_000, 200, 500), (100_000, 200, 200))
    found = []
    for neurons, fan_out, steps in sizes[:1] if quick else sizes:
        network = workloads.recurrent(neurons, fan_out)
        file = folder / f"recurrent_{neurons}.npz"
        _write_recurrent(file, network, steps)
        runs = []
        for bits in (32, 8):
            package = workloads.four_dies(neurons, bits)
            mapping = cs.map_network(network, package, strategy="sequential")
            runs.append(_Run(mapping, _idle(1, steps)))

        def peer(turn: Turn, file: Path = file, neurons: int = neurons) -> list[Peer]:
            builds = [folder / f"brian2_{neurons}_{threads}" for threads in (1, 2)]
            return [
                _peer(turn, "brian2_recurrent.py", file, str(threads), build)
                for threads, build in zip((1, 2), builds, strict=True)
            ]

        labels = ("float32 weights", "8-bit weights")
        case = f"recurrent {neurons:,} x {fan_out}"
        found += _compare([f"{case}, {label}" for label in labels], runs, peer, "Brian2")
    return found


def _priced(folder: Path, quick: bool) -> list[Row]:
    found, chip = [], peers.data_file("sanafe", "examples/loihi.yaml")
    for rate, (low, high) in {"1 %": (0.6, 1.2), "10 %": (2.0, 3.2)}.items():
        network = workloads.recurrent(10_000, 100, low=low, high=high)
        mapping = cs.map_network(network, workloads.loihi_like(8), strategy="sequential")
        steps = 100 if quick or rate == "10 %" else 1_000
        run = _Run(mapping, _idle(1, steps))
        file = folder / f"sanafe_{rate[:-2]}.npz"
        _write_sanafe(file, mapping, steps)

        def peer(turn: Turn, file: Path = file) -> list[Peer]:
            script = "sanafe_recurrent.py"
            return [_peer(turn, script, file, chip, threads) for threads in ("1", "2")]

        found += _compare([f"priced 10,000 x 100, {rate} active"], [run], peer, "SANA-FE")
    return found


def _gesture(folder: Path, quick: bool) -> list[Row]:
    file = peers.data_file("sanafe", "examples/dvs_challenge.npz")
    network = workloads.gesture(file)
    cuts = {"layer1": [4] * 4, "layer2": [2] * 16, "layer3": [4] * 16, "layer4": [3, 3, 3, 2]}
    one_piece = {each.name: [each.shape[0]] for each in network.populations}
    mapping = workloads.on_cores(network, workloads.loihi_like(16), one_piece | cuts)
    steps = 100 if quick else 1_000
    run = _Run(mapping, _idle(1, steps))

    def peer(turn: Turn) -> list[Peer]:
        script, arguments = "sanafe_dvs.py", (file, str(steps), "4")
        return [_peer(turn, script, *arguments, threads) for threads in ("1", "2")]

    found = _compare([f"DVS gesture, {steps:,} steps"], [run], peer, "SANA-FE")
    if not quick and run.spikes != GESTURE_SPIKES:
        raise RuntimeError(f"{run.spikes:,} spikes, but SANA-FE counts {GESTURE_SPIKES:,}")
    return found


def _layers(folder: Path, quick: bool) -> list[Row]:
    found = []
    for batch, rate in itertools.product((1,) if quick else (1, 128), (0.01, 0.05, 0.2)):
        network, inputs = workloads.layered(batch, 100, rate)
        file = folder / f"layers_{batch}_{rate}.npz"
        _write_layers(file, network, inputs)
        run = _Run(network, inputs)
        for name, script, environment in (
            ("snnTorch", "snntorch_layers.py", "peers"),
            ("Spyx", "spyx_layers.py", "spyx"),
        ):

            def peer(
                turn: Turn, file: Path = file, script: str = script, of: str = environment
            ) -> list[Peer]:
                return _variants(peers.call(script, file, turn=turn, environment=of))

            case = f"784-1024-1024-10, batch {batch}, {rate:.0%} input"
            found += _compare([case], [run], peer, name)
    return found


def _convolutional(folder: Path, quick: bool) -> list[Row]:
    network, inputs = workloads.convolutional(1, 100, 0.02)
    file = folder / "conv.npz"
    _write_layers(file, network, inputs, pool="sum")
    run = _Run(network, inputs)
    case = "conv 2x34x34, 32 5x5, 64 3x3, 512, 10, 2 % input"

    def peer(turn: Turn) -> list[Peer]:
        return _variants(peers.call("snntorch_conv.py", file, turn=turn))

    return _compare([case], [run], peer, "snnTorch")


@dataclass(frozen=True)
class Peer:
    """What a peer says of a network: seconds of its runs, and what it simulated.

    Attributes:
        setting: In which way it ran.
        seconds: Of each run.
        spikes: Spikes of all neurons, inputs left out.
        steps: Steps of a run; None where it is that of ours.
    """

    setting: str
    seconds: list[float]
    spikes: int
    steps: int | None = None


class _Run:
    """One of ours, ready: simulated, and priced where it is mapped."""

    def __init__(self, what: Mapping | Network, inputs: np.ndarray) -> None:
        self.mapping = what if isinstance(what, Mapping) else None
        self.network = what.network if isinstance(what, Mapping) else what
        self.steps, self._inputs = inputs.shape[1], inputs
        self._simulator = cs.Simulator(self.network, mapping=self.mapping)
        self._pricer = cs.Pricer(self.mapping) if self.mapping else None
        self.activity = self._simulator.run(inputs)

    @property
    def spikes(self) -> int:
        """Spikes of all neurons, inputs left out."""
        return self.activity.total_events - int(np.count_nonzero(self._inputs))

    def seconds(self) -> float:
        """Return the time of a run."""
        start = time.perf_counter()
        activity = self._simulator.run(self._inputs)
        if self._pricer:
            result = self._pricer.price(activity)
            assert min(result.energy_per_inference_j, result.latency_per_inference_s) > 0
        return time.perf_counter() - start


def _compare(
    cases: Sequence[str], runs: Sequence[_Run], peer: Callable[[Turn], list[Peer]], name: str
) -> list[Row]:
    """Return the rows of cases that share a peer, all timed by turns."""
    times: list[list[float]] = [[] for _ in runs]

    def turn() -> None:
        for run, own in zip(runs, times, strict=True):
            own += [run.seconds() for _ in range(REPEATS)]

    for run in runs:
        run.seconds()
    found = peer(turn)
    best = min(found, key=lambda each: statistics.median(each.seconds) / (each.steps or 1))
    rows = []
    for case, run, own in zip(cases, runs, times, strict=True):
        timing = Timing(statistics.median(own), min(own), max(own), len(own))
        events = synaptic_events(run.network, run.activity)
        theirs = statistics.median(best.seconds) * run.steps / (best.steps or run.steps)
        _require_alike(case, run.spikes / run.steps, best.spikes / (best.steps or run.steps))
        label = f"{name} ({best.setting})"
        unit, quantity = "event/s", "synaptic events"
        rows.append(
            Row(case, quantity, unit, events / timing.median_s, label, events / theirs, timing)
        )
    return rows


def _require_alike(case: str, ours: float, theirs: float) -> None:
    """Refuse to compare networks whose spikes in a step differ by more than a tenth."""
    if abs(ours - theirs) > 0.1 * max(ours, theirs):
        raise RuntimeError(f"{case}: {ours:,.1f} spikes a step, but the peer has {theirs:,.1f}")


def _peer(turn: Turn, script: str, *arguments: str | Path) -> Peer:
    found = peers.call(script, *arguments, turn=turn)
    setting = f"{arguments[-1] if script != 'brian2_recurrent.py' else arguments[1]} threads"
    return Peer(setting, found["seconds"], found["spikes"], found.get("steps"))


def _variants(found: dict[str, Any]) -> list[Peer]:
    """Return the ways in which a peer ran layers; it counts the spikes of one."""
    return [
        Peer(f"{each['variant']}", each["seconds"], found["spikes"]) for each in found["variants"]
    ]


def _idle(samples: int, steps: int) -> np.ndarray:
    return np.zeros((samples, steps, 1), bool)


def _write_recurrent(file: Path, network: Network, steps: int) -> None:
    given = _recurrent_arrays(network)
    others = {"dt_over_tau": workloads.DT_OVER_TAU, "steps": steps, "repeats": PEER_REPEATS}
    _write(file, given | others)


def _write_sanafe(file: Path, mapping: Mapping, steps: int) -> None:
    """Write the lowered network: ``v = leak v + bias + I`` is our forward Euler step."""
    given, k = _recurrent_arrays(mapping.lowered()), workloads.DT_OVER_TAU
    tiles = np.array([part.tile for part in mapping.slices])[mapping.neuron_slice()[1:]]
    scaled = {name: given[name] * k * SCALE for name in ("weights", "bias")}
    others = {"leak": 1 - k, "threshold": SCALE, "steps": steps, "repeats": 4}
    _write(file, given | scaled | others | {"core": np.unique(tiles, return_inverse=True)[1]})


def _recurrent_arrays(network: Network) -> dict[str, Any]:
    synapses: Any = network.projections[1].connection
    neurons = network.populations[1]
    return {
        "neurons": neurons.size,
        "fan_out": synapses.targets.size // neurons.size,
        "targets": synapses.targets,
        "weights": synapses.weights,
        "bias": neurons.bias,
    }


def _write_layers(file: Path, network: Network, inputs: np.ndarray, **others: Any) -> None:
    weights = {
        f"weight{number}": projection.connection.weights
        for number, projection in enumerate(network.projections)
    }
    others |= {"dt_over_tau": workloads.LAYER_DT_OVER_TAU, "repeats": PEER_REPEATS}
    _write(file, {**weights, **others, "inputs": np.moveaxis(inputs, 1, 0)})


def _write(file: Path, arrays: dict[str, Any]) -> None:
    np.savez(file, **arrays)
