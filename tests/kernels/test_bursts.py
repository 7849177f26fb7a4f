"""Nothing is dropped however many events there are: counts equal closed forms."""

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from chipletsim.kernels import THREADS

from chipletsim.cost.price import price
from chipletsim.engine.compile import compile_network
from chipletsim.engine.native import layout
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection

sys.path.append(str(Path(__file__).parents[1] / "cost"))
from cost_cases import random_mapping, row_of_tiles

pytestmark = pytest.mark.usefixtures("kernels", "quick_programs")

DT = 2.0**-10
SAMPLES, STEPS = 3, 5
PLANE, CONV, FLAT = (3, 8, 7), (6, 5, 8), 200
INPUTS, NEURONS = 168, 240
FAN_OUT = 11


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


CONVOLUTION = Conv2d(
    ones(6, 1, 3, 2), stride=(2, 1), padding=((2, 1), (0, 2)), dilation=(1, 1), groups=3
)
FRONT = Pool2d((2, 2), (2, 2))


def listed() -> Sparse:
    """Each neuron of the convolution to eleven of the flat ones, the first of them twice."""
    targets = (np.arange(NEURONS)[:, None] * 7 + np.array([0, 0, *range(1, 10)])) % FLAT
    indptr = np.arange(0, NEURONS * FAN_OUT + 1, FAN_OUT)
    return Sparse(indptr, targets.astype(np.int32).ravel(), ones(targets.size), FLAT)


def bursting(firing: dict[str, float], bias: float | None) -> Network:
    """Every neuron fires in every step, whatever else arrives: weights are positive."""
    parameters = {"tau": DT, **firing}
    parameters = {name: np.float32(value) for name, value in parameters.items()}

    def neurons(name: str, shape) -> Population:
        given = None if bias is None else np.full(shape, bias, np.float32)
        return Population(name, shape, "lif", parameters, given)

    def edge(name, source, target, connection, pool=None, delay=0) -> Projection:
        return Projection(name, source, target, connection, pool, delay)

    return Network(
        "burst",
        (
            Population("in", PLANE, "input"),
            neurons("conv", CONV),
            neurons("flat", (FLAT,)),
            neurons("copy", (FLAT,)),
        ),
        (
            edge("conv", "in", "conv", CONVOLUTION),
            edge("pooled", "in", "flat", Dense(ones(FLAT, 3 * 4 * 3)), FRONT),
            edge("listed", "conv", "flat", listed(), None, 1),
            edge("copied", "flat", "copy", OneToOne(ones(FLAT))),
            edge("all", "flat", "flat", Dense(ones(FLAT, FLAT)), None, 2),
            edge("back", "copy", "conv", Dense(ones(NEURONS, FLAT)), None, STEPS + 3),
        ),
        DT,
    )


def taps_of_convolution() -> np.ndarray:
    """[6, 5, 8]: the inputs that each output sees, counted one by one."""
    seen = np.zeros(CONV, int)
    for out, y, x, ky, kx in product(*map(range, (*CONV, 3, 2))):
        seen[out, y, x] += 0 <= y * 2 - 2 + ky < 8 and 0 <= x - 0 + kx < 7
    return seen


@pytest.fixture(params=["1", "3"])
def threads(request, kernels, monkeypatch) -> str:
    """Threads of the native kernels, and several blocks of targets for each population."""
    if kernels == "xla" and request.param != "1":
        pytest.skip("XLA has threads of its own")
    monkeypatch.setenv(THREADS, request.param)
    monkeypatch.setattr(layout, "_LEAST_IN_BLOCK", 64)
    if request.param == "1":
        monkeypatch.setattr(layout, "_MOST_IN_BLOCK", 64)
    return request.param


@pytest.mark.parametrize(
    ("firing", "bias"),
    [({"v_threshold": -1.0}, None), ({"v_threshold": 1.0, "v_leak": 0.5}, 100.0)],
    ids=["below zero", "bias"],
)
def test_all_fire_in_every_step(firing, bias, threads, kernels) -> None:
    network = bursting(firing, bias)
    mapping = random_mapping(network, row_of_tiles(3), int(threads))
    given = np.ones((SAMPLES, STEPS, *PLANE), bool)
    layouts = compile_network(mapping.lowered()).program.layouts
    assert kernels == "xla" or min(each.blocks for each in layouts[1:]) >= 2
    for schedule in ("layers", "steps"):
        activity = simulate(network, given, mapping=mapping, schedule=schedule)
        for name, size in {"in": INPUTS, "conv": NEURONS, "flat": FLAT, "copy": FLAT}.items():
            assert activity.totals[name].tolist() == [SAMPLES * STEPS] * size, name
    windows = simulate_windows(network, given, 2, mapping=mapping)
    assert sum(part.total_events for part in windows) == activity.total_events
    rows = SAMPLES * STEPS
    events = price(activity, mapping).events
    assert events.spikes == rows * (INPUTS + NEURONS + 2 * FLAT)
    assert events.neuron_updates == rows * (NEURONS + 2 * FLAT)
    in_windows = 3 * 8 * 6  # windows of 2 x 2 leave the last column out
    per_step = (
        taps_of_convolution().sum()
        + in_windows * FLAT
        + NEURONS * FAN_OUT
        + FLAT
        + FLAT * FLAT
        + FLAT * NEURONS
    )
    assert events.synaptic_operations == rows * per_step


@pytest.mark.usefixtures("threads")
def test_currents_of_a_burst() -> None:
    # LI with tau = dt: the value is the current, here the number of events that arrive.
    burst = bursting({"v_threshold": -1.0}, None)
    populations = [
        replace(each, model="li", parameters={"tau": np.float32(DT)}, value_bits=32)
        for each in burst.populations[1:3]
    ]
    readout = [replace(each, name=f"{each.name} seen") for each in populations]
    projections = [
        replace(each, name=f"{each.name} seen", target=f"{each.target} seen")
        for each in burst.projections
        if each.target in ("conv", "flat")
    ]
    network = Network(
        "seen",
        (*burst.populations, *readout),
        (*burst.projections, *projections),
        DT,
    )
    given = np.ones((SAMPLES, STEPS, *PLANE), bool)
    # Only what arrives within the run counts: 'back' never does.
    listed_in = np.bincount(listed().targets, minlength=FLAT)
    flat = np.array(
        [36 * 4 + (step >= 1) * listed_in + (step >= 2) * FLAT for step in range(STEPS)]
    )
    for schedule in ("layers", "steps"):
        values = simulate(network, given, schedule=schedule).values
        for sample in range(SAMPLES):
            np.testing.assert_array_equal(values["flat seen"][sample], flat)
            for step in range(STEPS):
                found = values["conv seen"][sample, step].reshape(CONV)
                np.testing.assert_array_equal(found, taps_of_convolution())
