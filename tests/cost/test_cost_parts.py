"""Parts of cost by themselves: classes, link load over time."""

import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_mapping

from chipletsim.cost import entries as entries_module
from chipletsim.cost.classes import traffic_classes
from chipletsim.cost.columns import Columns
from chipletsim.cost.entries import PacketLedger
from chipletsim.cost.load_history import MOST_BINS, LoadHistory
from chipletsim.errors import UsageError
from chipletsim.mapping import equal_rows


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_the_distinct_rows(seed):
    mapping = random_mapping(mixed_network(), mixed_package(), seed)
    found = traffic_classes(mapping)
    table = mapping.fan_out.synapses.toarray()
    owner = mapping.neuron_slice()
    sizes = np.diff(mapping.network.offsets)
    population = np.repeat(np.arange(sizes.size), sizes)
    tile = np.array([mapping.slices[part].tile for part in owner])
    keys = [
        (int(p), int(t), *row) for p, t, row in zip(population, tile, table.tolist(), strict=True)
    ]
    assert len(set(keys)) == found.spike_classes
    assert len({(key, c) for key, c in zip(keys, found.neuron_class.tolist(), strict=True)}) == len(
        set(keys)
    )
    np.testing.assert_array_equal(found.synapses.toarray(), table[found.member])
    assert (np.diff(found.population[: found.spike_classes]) >= 0).all()


def test_hash_collisions_never_merge_rows(monkeypatch):
    """With hashes that collide at first, rows are still told apart."""
    mapping = random_mapping(mixed_network(), mixed_package(), 0)
    expected = traffic_classes(mapping)
    hashed, seeds = equal_rows._hashed, []

    def colliding(table, keys, seed):
        seeds.append(seed)
        return hashed(table * 0 if seed == 0 else table, keys, seed)

    monkeypatch.setattr(equal_rows, "_hashed", colliding)
    found = traffic_classes(mapping)
    assert seeds == [0, 1]
    assert found.spike_classes == expected.spike_classes


def test_link_load_is_joined_in_bins():
    rng = np.random.default_rng(0)
    rows = 5 * MOST_BINS + 3
    bits = rng.integers(0, 100, (rows, 2))
    history = LoadHistory(2)
    # Batches of some rows each, in any order; a row may come again, from another sample.
    for chosen in np.array_split(rng.permutation(rows), 700):
        half = bits[chosen] // 2
        history.add(np.concatenate([chosen, chosen]), np.concatenate([half, bits[chosen] - half]))
    assert history.rows_per_bin == 8
    padded = np.pad(bits, ((0, -rows % 8), (0, 0)))
    np.testing.assert_array_equal(history.table(), padded.reshape(-1, 8, 2).sum(axis=1))


def test_many_packets_of_one_event_do_not_wrap():
    ledger = PacketLedger(mixed_package())
    packets = np.array([2**31 + 5])
    ledger.add(np.array([0]), np.array([1]), packets, np.array([9]))
    entries, cells = ledger.close()
    assert entries.weight.tolist() == packets.tolist()
    assert (cells.channel.tolist(), cells.packet_bits.tolist()) == ([1], [9])


def test_more_packet_sizes_than_can_be_numbered_are_refused(monkeypatch):
    ledger = PacketLedger(mixed_package())
    monkeypatch.setattr(entries_module, "MOST_CELLS", 2 * ledger.channels)
    one = np.array([1])
    for bits in (8, 16):
        ledger.add(one, one, one, np.array([bits]))
    with pytest.raises(UsageError, match="3 sizes of packets"):
        ledger.add(one, one, one, np.array([24]))


def test_printed_tables_leave_out_what_is_idle():
    table = Columns("links", {"link": ["a>b", "b>c", "c>a"], "wire_bits": [0, 5, 70]}, "wire_bits")
    lines = str(table).splitlines()
    assert lines[0] == "links (2 of 3, by wire bits)"
    assert [line.split("│")[1:3] for line in lines if "│" in line] == [
        [" c>a  ", "        70 "],
        [" b>c  ", "         5 "],
    ]
    assert list(table.rows()) == [("a>b", 0), ("b>c", 5), ("c>a", 70)]
