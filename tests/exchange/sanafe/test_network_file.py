"""SANA-FE's network file: addresses, attributes, edges and hyper-edges, mappings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.errors import ConfigError
from chipletsim.exchange.sanafe.architecture_reader import read_architecture
from chipletsim.exchange.sanafe.edges import Convolution, dense
from chipletsim.exchange.sanafe.network import read_network
from chipletsim.exchange.sanafe.source import Notes
from tests.exchange.sanafe.files import ARCHITECTURE, NETWORK, changed, written


def read(folder, *changes, architecture=ARCHITECTURE):
    paths = written(folder, architecture, changed(NETWORK, *changes))
    notes = Notes()
    return read_network(paths[1], read_architecture(paths[0], notes), notes), notes


def edges(snn):
    """Return edges as names and weights."""
    ends = [
        [snn.neuron(n) for n in end.tolist()] for end in (snn.synapses.source, snn.synapses.target)
    ]
    return list(zip(*ends, snn.synapses.weight.tolist(), strict=True))


def test_a_network_as_its_file_says(tmp_path):
    snn, notes = read(tmp_path)
    assert [(group.name, group.size) for group in snn.groups] == [
        ("in", 2),
        ("hidden", 4),
        ("out", 1),
    ]
    np.testing.assert_array_equal(snn.values["threshold"], [np.nan] * 2 + [1.5] * 3 + [2.5, np.nan])
    np.testing.assert_array_equal(snn.values["bias"], [np.nan] * 2 + [0.25] * 3 + [np.nan] * 2)
    np.testing.assert_array_equal(snn.values["rate"], [np.nan, 0.5] + [np.nan] * 5)
    assert {number: train.tolist() for number, train in snn.trains.items()} == {
        0: [True, False, True]
    }
    assert edges(snn) == [
        ("in.0", "hidden.0", 1), ("in.0", "hidden.1", 2), ("in.0", "hidden.2", 3),
        ("in.0", "hidden.3", 4), ("in.1", "hidden.0", 5), ("in.1", "hidden.1", 6),
        ("in.1", "hidden.2", 7), ("in.1", "hidden.3", 8),
        ("hidden.0", "out.0", 0.5), ("hidden.3", "out.0", -1),
    ]  # fmt: skip
    # Cores 0.0, 0.1 and 1.0 are numbers 0, 1 and 2.
    assert snn.places.core.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert snn.places.order.tolist() == [0, 1, 4, 5, 2, 3, 6]
    assert snn.places.units["soma"].tolist() == [
        "input[3]",
        "input[4]",
        "other",
        "other",
        "",
        "",
        "",
    ]
    assert snn.places.units["synapse"].tolist() == [""] * 6 + ["second"]
    assert [line.split(" ")[0] for line in notes.lines()] == ["`log_spikes`"]


def test_a_core_is_an_address_not_a_number(tmp_path):
    twelve = changed(ARCHITECTURE, ("name: core[0..1]", "name: core[0..11]"))
    snn, _ = read(tmp_path, ("out: {core: 1.0}", "out: {core: 1.10}"), architecture=twelve)
    assert snn.places.core[-1] == 12 + 10


def test_lists_and_keys_mean_the_same(tmp_path):
    one, _ = read(tmp_path)
    other, _ = read(
        tmp_path,
        ("[threshold: 1.5, log_spikes: true]", "{threshold: 1.5}"),
        ("0..2: {bias: 0.25}", "0..2: [bias: 0.25]"),
        ("hidden.0 -> out.0: [weight: 0.5]", "hidden.0 -> out.0: {synapse: {weight: 0.5}}"),
        ("- hidden.2..3: {core: 1.0}", "- hidden.2..3: [core: 1.0]"),
    )
    assert edges(one) == edges(other)
    assert all(np.array_equal(one.values[n], other.values[n], equal_nan=True) for n in one.values)
    assert one.places.core.tolist() == other.places.core.tolist()


def test_of_a_neuron_mapped_twice_the_last_place_counts(tmp_path):
    more = "- out: {core: 1.0}\n- hidden.0: {core: 2.1}\n"
    snn, _ = read(tmp_path, ("- out: {core: 1.0}\n", more))
    assert snn.places.core.tolist() == [0, 0, 5, 1, 2, 2, 2]
    assert snn.places.order.tolist() == [0, 1, 7, 5, 2, 3, 6]


def test_reset_modes_flags_and_whole_numbers(tmp_path):
    attributes = (
        "{threshold: 1.5, reset_mode: soft, reverse_reset_mode: saturate, refractory_delay: 3, "
        "force_update_every_timestep: 1, potential: -.5, leak_decay: 5e-1}"
    )
    snn, _ = read(tmp_path, ("[threshold: 1.5, log_spikes: true]", attributes))
    hidden = {name: values[2] for name, values in snn.values.items()}
    assert hidden == pytest.approx(
        {
            "threshold": 1.5, "reset_mode": 1, "reverse_reset_mode": 3, "refractory_delay": 3,
            "force_update": 1, "potential": -0.5, "leak_decay": 0.5, "bias": 0.25, "rate": np.nan,
        },
        nan_ok=True,
    )  # fmt: skip


def test_a_sparse_hyper_edge_lists_pairs(tmp_path):
    new = "{type: sparse, source_target_pairs: [[1, 3], [0, 2], [1, 3]], weight: [1, 2, 4]}"
    snn, _ = read(tmp_path, ("{type: dense, weight: [1, 2, 3, 4, 5, 6, 7, 8]}", new))
    assert edges(snn)[:3] == [
        ("in.1", "hidden.3", 1),
        ("in.0", "hidden.2", 2),
        ("in.1", "hidden.3", 4),
    ]


def test_dense_lists_source_by_source():
    pattern = dense(2, 3)
    assert pattern.source.tolist() == [0, 0, 0, 1, 1, 1]
    assert pattern.target.tolist() == [0, 1, 2, 0, 1, 2]
    assert pattern.entry.tolist() == [0, 1, 2, 3, 4, 5]


sizes = st.integers(1, 3)


@settings(max_examples=40, deadline=None)
@given(sizes, sizes, sizes, sizes, sizes, st.integers(0, 3), st.integers(0, 3), sizes)
def test_convolutions_against_loops(cin, cout, ky, kx, stride_y, more_y, more_x, stride_x):
    height, width = ky + more_y, kx + more_x
    shape = Convolution(height, width, cin, ky, kx, cout, stride_y, stride_x)
    weights = np.random.default_rng(0).permutation(ky * kx * cin * cout)
    rows, columns = more_y // stride_y + 1, more_x // stride_x + 1
    expected = set()
    # Weights are listed [kernel y][kernel x][input channel][output channel].
    table = weights.reshape(ky, kx, cin, cout)
    for c in range(cin):
        for k in range(cout):
            for y in range(rows):
                for x in range(columns):
                    for i in range(ky):
                        for j in range(kx):
                            source = (c * height + y * stride_y + i) * width + x * stride_x + j
                            target = (k * rows + y) * columns + x
                            expected.add((source, target, int(table[i, j, c, k])))
    pattern = shape.pattern()
    found = zip(
        pattern.source.tolist(),
        pattern.target.tolist(),
        weights[pattern.entry].tolist(),
        strict=True,
    )
    assert shape.output == (rows, columns)
    assert pattern.source.size == len(expected)
    assert set(found) == expected
    assert np.all(np.diff(pattern.source) >= 0)


CONVOLUTION = """\
network:
  groups:
  - {name: a, neurons: [0..3]}
  - {name: b, neurons: [0..1]}
  edges:
  - a -> b:
      type: conv2d
      input_height: 2
      input_width: 2
      KERNEL_height: 2
      KERNEL_width: 1
      weight: [1, 2]
mappings:
- a: {core: 0.0}
- b: {core: 0.0}
"""


@pytest.mark.parametrize("name", ["kernel", "filter"])
def test_convolutions_in_files_under_both_names(tmp_path, name):
    paths = written(tmp_path, ARCHITECTURE, changed(CONVOLUTION, ("KERNEL", name)))
    snn = read_network(paths[1], read_architecture(paths[0], Notes()), Notes())
    assert edges(snn) == [
        ("a.0", "b.0", 1), ("a.1", "b.1", 1), ("a.2", "b.0", 2), ("a.3", "b.1", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("- 0: {spikes: [1, 0, 1]}", "- 0: {spikes: [1, 0, 1], colour: red}", "`colour`"),
        ("  name: small\n", "  name: small\n  version: 2\n", "`version`"),
        ("mappings:", "other: 1\nmappings:", "`other`"),
        ("    neurons: [0]\n", "    size: 1\n    neurons: [0]\n", "`size`"),
        ("[threshold: 1.5,", "[threshold: 1.5, dendrite: {tap: 3},", "`dendrite: tap`"),
        ("[threshold: 1.5,", "[threshold: 1.5, force_soma_update: 1,", "reads `force_update`"),
        ("[threshold: 1.5,", "[threshold: 1.5, treshold: 3,", "did you mean `threshold`?"),
        ("[weight: 0.5]", "[weight: 0.5, synapse_hw_name: second]", "edges choose none"),
        ("[weight: 0.5]", "[weight: 0.5, tap: 1]", "`tap` of edges"),
        ("7, 8]", "7, 8, 9, 10]", "10 are listed, 8 are used"),
        ("- out: {core: 1.0}", "- out: {core: 1.0, axon: a}", "`axon` of mappings"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, old, new, told):
    _, notes = read(tmp_path, (old, new))
    assert told in "\n".join(notes.lines())


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("    - 0: {spikes: [1, 0, 1]}\n", "    - 0: {spikes: [1, 2]}\n", 6, "expected 0 or 1"),
        ("    - 3: [soma", "    - 4: [soma", 10, "neuron 4 comes after 2"),
        ("    - 3: [soma", "    - 2..3: [soma", 10, "neuron 2 is listed twice"),
        ("    - 3: [soma", "    - last: [soma", 12, "expected neurons such as `3`"),
        ("name: out", "name: hidden", 13, "two groups are called 'hidden'"),
        ("0..2: {bias: 0.25}", "0..2: {bias: 0x10}", 11, "expected a finite number"),
        ("0..2: {bias: 0.25}", "0..2: {bias: 1, bias: 2}", 11, "`bias` is given twice"),
        ("0..2: {bias: 0.25}", "0..2: [bias: 1, bias: 2]", 11, "`bias` is given twice"),
        ("0..2: {bias: 0.25}", "0..2: {reset_mode: Hard}", 11, "did you mean `hard`?"),
        ("0..2: {bias: 0.25}", "0..2: {refractory_delay: 1.5}", 11, "expected a whole number"),
        ("0..2: {bias: 0.25}", "0..2: {random_mask: 7}", 11, "random thresholds are not supp"),
        ("0..2: {bias: 0.25}", "0..2: {bias: 1, dendrite: {bias: 2}}", 11, "hides it from"),
        ("in -> hidden: {type: dense,", "in -> hiden: {type: dense,", 17, "did you mean `hidden`?"),
        ("in -> hidden: {type: dense,", "in -> hidden: {type: full,", 17, "no hyper-edge 'full'"),
        ("in -> hidden: {type: dense,", "in -> hidden: {", 17, "a hyper-edge needs `type`"),
        ("7, 8]", "7]", 17, "lists 7 numbers, 8 are needed"),
        ("weight: [1, 2, 3, 4, 5, 6, 7, 8]", "delay: [1]", 17, "there is no `weight`"),
        ("hidden.0 -> out.0", "hidden.4 -> out.0", 18, "'hidden' has 4 neurons"),
        ("hidden.0 -> out.0", "hidden.0..1 -> out.0", 18, "there is no group 'hidden.0.'"),
        ("hidden.0 -> out.0", "hidden -> out.0", 18, "joins two neurons, or two groups"),
        ("hidden.0 -> out.0", "hidden.0 > out.0", 18, "expected an edge such as"),
        ("[weight: 0.5]", "[delay: 1]", 18, "there is no `weight`"),
        ("[weight: 0.5]", "[weight: 1, w: 2]", 18, "`weight` is given twice"),
        ("core: 0.1, soma", "core: 0.2, soma", 24, "tile 0 has 2 cores"),
        ("core: 0.1, soma", "core: 7.0, soma", 24, "there is no tile 7"),
        ("core: 0.1, soma", "core: 3, soma", 24, "expected a core such as"),
        ("core: 0.1, soma", "soma", 24, "there is no `core`"),
        ("- out: {core", "- outs: {core", 25, "did you mean `out`?"),
        ("- hidden.2..3: {core", "- hidden.2..4: {core", 23, "expected neurons of 'hidden'"),
        ("  edges:", "  edge:", 1, "there is no `edges`"),
    ],
)  # fmt: skip
def test_faults_name_their_line(tmp_path, old, new, line, message):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, (old, new))
    assert message in str(caught.value)
    assert line in {problem.line for problem in caught.value.problems}, str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_one_clear_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    text = data.draw(st.sampled_from([ARCHITECTURE, NETWORK]))
    at = data.draw(st.integers(0, len(text) - 1))
    cut = data.draw(st.integers(0, 12))
    put = data.draw(st.text('[]{}:-,.\n 0aä"&*!|>', max_size=4))
    broken = text[:at] + put + text[at + cut :]
    pair = (broken, NETWORK) if text is ARCHITECTURE else (ARCHITECTURE, broken)
    paths = written(folder, *pair)
    problems = []
    try:
        notes = Notes()
        read_network(paths[1], read_architecture(paths[0], notes), notes)
    except ConfigError as error:
        problems = error.problems
    assert all(problem.file for problem in problems), problems
    assert all(problem.line or "is empty" in problem.message for problem in problems), problems


LONG = """\
network:
  groups:
  - {{name: a, neurons: [0..39]}}
  - {{name: b, neurons: [0..29]}}
  - name: in
    neurons:
    - 0: {{spikes: {spikes}}}
  edges:
  - a -> b: {{type: dense, weight: {weights}, delay: {delays}}}
  - a -> b: {{type: sparse, source_target_pairs: {pairs}, weight: {pair_weights}}}
  - b.0 -> a.1: {{weight: WEIGHT}}
mappings:
- a: {{core: 0.0}}
- b: {{core: 0.1}}
- in: {{core: 0.2, soma: "input[0]"}}
"""
LONG_CHIP = changed(
    ARCHITECTURE, ("max_neurons_supported: 8", "max_neurons_supported: 99"),
    ("name: core[0..1]", "name: core[0..2]"),
)  # fmt: skip


@pytest.mark.parametrize("wrapped", [False, True])
def test_long_lists_are_read_like_short_ones(tmp_path, wrapped):
    random = np.random.default_rng(0)
    weights = np.round(random.uniform(-1, 1, 1200), 4).tolist()
    pairs = np.stack([random.integers(0, 40, 900), random.integers(0, 30, 900)], axis=1).tolist()
    lists = {
        "weights": weights, "delays": random.integers(0, 3, 1200).tolist(), "pairs": pairs,
        "pair_weights": weights[:900], "spikes": random.integers(0, 2, 3000).tolist(),
    }  # fmt: skip
    shown = {
        name: str(values).replace(", ", ",\n      " if wrapped else ", ") + "\n" * wrapped
        for name, values in lists.items()
    }
    text = LONG.format(**shown)
    paths = written(tmp_path, LONG_CHIP, text.replace("WEIGHT", "0.5"))
    snn = read_network(paths[1], read_architecture(paths[0], Notes()), Notes())
    assert snn.synapses.weight.tolist() == [*weights, *weights[:900], 0.5]
    assert snn.synapses.delay[:1200].tolist() == lists["delays"]
    assert snn.synapses.source[1200:2100].tolist() == [source for source, _ in pairs]
    assert (snn.synapses.target[1200:2100] - 40).tolist() == [target for _, target in pairs]
    assert snn.trains[70].astype(int).tolist() == lists["spikes"]
    # Faults behind a long list, and in one, name their lines.
    paths[1].write_text(text)
    with pytest.raises(ConfigError, match="got 'WEIGHT'") as caught:
        read_network(paths[1], read_architecture(paths[0], Notes()), Notes())
    assert caught.value.problems[0].line == text[: text.index("WEIGHT")].count("\n") + 1
    paths[1].write_text(text.replace("WEIGHT", "0.5").replace(str(weights[700]), "1.2.3"))
    with pytest.raises(ConfigError, match=r"expected numbers, got '1\.2\.3'") as caught:
        read_network(paths[1], read_architecture(paths[0], Notes()), Notes())
    assert caught.value.problems[0].line == text[: text.index("weight:")].count("\n") + 1
