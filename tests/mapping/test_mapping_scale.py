"""Large networks on large packages."""

from pathlib import Path

import numpy as np
import pytest
from mapping_cases import cells, edge, inputs, network, sparse_random

from chipletsim.mapping import PARTITIONERS, map_network
from chipletsim.network.connections import Sparse
from chipletsim.package.load import load_package

PACKAGE = Path(__file__).parents[2] / "configs" / "packages" / "sixty_four_chiplets.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", PARTITIONERS)
def test_twenty_million_synapses_on_64_chiplets_map(strategy):
    count, each = 100_000, 200
    targets = np.random.default_rng(0).integers(0, count, count * each, dtype=np.int32)
    indptr = np.arange(count + 1, dtype=np.int64) * each
    listed = Sparse(indptr, targets, np.ones(targets.size, np.float32), count)
    net = network(
        inputs("in", 1000),
        cells("a", count),
        edge("in", "a", sparse_random(1000, count, 10)),
        edge("a", "a", listed, delay=1),
    )
    package = load_package(PACKAGE)
    mapping = map_network(net, package, strategy=strategy)
    assert sum(part.size for part in mapping.slices) == net.neurons
    assert int(mapping.fan_out.synapses.sum()) == count * each + 1000 * 10
