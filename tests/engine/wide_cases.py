"""Recorded runs of SANA-FE as networks of ours."""

from pathlib import Path

import numpy as np

from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection

DATA = Path(__file__).parents[1] / "data" / "sanafe"
CASES = ("a_ff_dense_2x2", "b_recurrent_loihi", "d_hotspot_loihi")
PARAMETERS = (
    "threshold", "leak_decay", "input_decay", "bias", "reset", "reverse_threshold",
    "reverse_reset", "reset_mode", "reverse_reset_mode", "refractory_delay", "force_update",
)  # fmt: skip


def read(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the inputs and the expected arrays of a case."""
    return dict(np.load(DATA / name / "inputs.npz")), dict(np.load(DATA / name / "expected.npz"))


def neuron_order(given: dict[str, np.ndarray]) -> np.ndarray:
    """Return the neurons of the file in the order of ours: inputs first, else as they are."""
    return np.argsort(~given["is_input"], kind="stable")


def network_of(given: dict[str, np.ndarray]) -> Network:
    """Return the network of a case: one population of inputs, one of neurons.

    Sources are added core by core, and in a core in the order of the file, in which its
    neurons were mapped.
    """
    inputs = given["is_input"]
    order = neuron_order(given)
    place = np.argsort(order)  # in our numbering
    n_inputs = int(inputs.sum())
    neurons = {name: given[name][~inputs].astype(np.float64) for name in PARAMETERS}
    populations = [Population("neurons", (inputs.size - n_inputs,), "loihi_lif", neurons)]
    if n_inputs:
        populations.insert(0, Population("inputs", (n_inputs,), "input"))
    sources = {"inputs": np.flatnonzero(inputs), "neurons": np.flatnonzero(~inputs)}
    projections = []
    for population in populations:
        own = sources[population.name]
        chosen = np.flatnonzero(np.isin(given["src"], own))
        local = place[given["src"][chosen]] - place[own[0]]
        listed = np.argsort(local, kind="stable")
        projections.append(
            Projection(
                f"{population.name}>neurons",
                population.name,
                "neurons",
                Sparse(
                    np.searchsorted(local[listed], np.arange(own.size + 1)).astype(np.int64),
                    (place[given["dst"][chosen][listed]] - n_inputs).astype(np.int32),
                    given["weight"][chosen][listed],
                    inputs.size - n_inputs,
                ),
                delay=1,
            )
        )
    by_core = np.argsort(given["core"], kind="stable")  # neurons of the file, as they are added
    rank = np.empty(order.size, np.int64)
    rank[place[by_core]] = np.arange(order.size)
    return Network("case", tuple(populations), tuple(projections), 1e-6, rank)
