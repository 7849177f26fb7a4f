"""Synapses from edge lists: every kind of file, delays of their own, and faults with their line."""

import sys

import h5py
import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.draw import draw_fan_in
from chipletsim.network.load import load_network

EDGES = [(2, 0, 1.5, 3), (0, 1, -2.0, 1), (0, 1, 4.0, 1), (1, 3, 0.25, 3), (2, 2, 8.0, 1)]
"""Source, target, weight, delay in steps; a pair that is there twice stays so."""


def network(folder, connection, *, model="lif", parameters="{tau: 10 ms}", more="", edges=None):
    """A network of three inputs and four neurons with a connection of a kind ``sparse``."""
    if edges is not None:
        (folder / "edges.csv").write_text(edges)
    (folder / "net.yaml").write_text(
        f"""
name: edges
dt: 0.5 ms
populations:
  a: {{shape: [3], model: input}}
  b: {{shape: [4], model: {model}, parameters: {parameters}, output: true}}
projections:
  - {{source: a, target: b{more}, connection: {{kind: sparse, {connection}}}}}
"""
    )
    return load_network(folder / "net.yaml")


def triples(network):
    """(source, target, weight, delay) of all synapses, sorted."""
    found = []
    for projection in network.projections:
        sparse = projection.connection
        source = np.repeat(np.arange(3), np.diff(sparse.indptr))
        delays = [projection.delay] * source.size
        found += zip(
            source.tolist(), sparse.targets.tolist(), sparse.weight.tolist(), delays, strict=True
        )
    return sorted(found)


def csv(columns="source,target,weight,delay", rows=EDGES):
    return "\n".join([columns, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_csv_with_delays_becomes_a_projection_for_each(tmp_path):
    made = network(tmp_path, "edges: edges.csv", edges="# a comment\n\n" + csv())
    assert [(each.name, each.delay) for each in made.projections] == [("a>b@1", 1), ("a>b@3", 3)]
    assert triples(made) == sorted(EDGES)


def test_columns_may_stand_in_any_order_and_have_units(tmp_path):
    text = "delay_ms,target,source,weight\n" + "".join(
        f"{d / 2},{t},{s},{w}\n" for s, t, w, d in EDGES
    )
    assert triples(network(tmp_path, "edges: edges.csv", edges=text)) == sorted(EDGES)


def test_weights_and_delay_may_come_from_the_section(tmp_path):
    text = csv("source,target", [row[:2] for row in EDGES])
    made = network(tmp_path, "edges: edges.csv, weight: 7", more=", delay: 1 ms", edges=text)
    assert triples(made) == sorted((s, t, 7.0, 2) for s, t, _, _ in EDGES)
    assert [each.name for each in made.projections] == ["a>b"]


def test_npz(tmp_path):
    source, target, weight, delay = (np.array(column) for column in zip(*EDGES, strict=True))
    np.savez(tmp_path / "e.npz", source=source, target=target, weight=weight, delay=delay)
    assert triples(network(tmp_path, "edges: e.npz")) == sorted(EDGES)


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = ("source", "target", "weight", "delay")
    columns = dict(zip(names, map(list, zip(*EDGES, strict=True)), strict=True))
    parquet.write_table(pyarrow.table(columns), tmp_path / "e.parquet")
    assert triples(network(tmp_path, "edges: e.parquet")) == sorted(EDGES)


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "e.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match=r"pip install 'chipletsim\[tables\]'"):
        network(tmp_path, "edges: e.parquet")


def test_sonata_edges(tmp_path):
    source, target, weight, delay = (np.array(column) for column in zip(*EDGES, strict=True))
    with h5py.File(tmp_path / "e.h5", "w") as file:
        edges = file.create_group("edges/v1_to_v1")
        edges["source_node_id"], edges["target_node_id"] = source, target
        edges["edge_type_id"] = np.zeros(5, int)
        edges["0/syn_weight"], edges["0/delay"] = weight, delay * 0.5  # ms
    made = network(tmp_path, "edges: e.h5, edge_population: v1_to_v1")
    assert triples(made) == sorted(EDGES)
    with pytest.raises(ConfigError, match="holds no population 'lgn'; there are: v1_to_v1"):
        network(tmp_path, "edges: e.h5, edge_population: lgn")


def test_weights_of_quantities_need_a_unit(tmp_path):
    held = "{tau: 20 ms, v_leak: 0 mV, v_threshold: 20 mV, v_reset: 10 mV}"
    lif = {"model": "lif_refractory", "parameters": held}
    text = csv("source,target,weight_mV", [row[:3] for row in EDGES])
    made = network(tmp_path, "edges: edges.csv", edges=text, **lif)
    expected = sorted(np.float32(1e-3 * row[2]) for row in EDGES)
    assert sorted(made.projections[0].connection.weight.tolist()) == expected
    plain = csv("source,target,weight", [row[:3] for row in EDGES])
    made = network(tmp_path, "edges: edges.csv, weight_unit: uV", edges=plain, **lif)
    assert made.projections[0].connection.weight.max() == np.float32(8e-6)
    with pytest.raises(ConfigError, match="weights are quantities in V here; name the unit"):
        network(tmp_path, "edges: edges.csv", edges=plain, **lif)
    with pytest.raises(ConfigError, match="wrong dimension"):
        network(tmp_path, "edges: edges.csv, weight_unit: nS", edges=plain, **lif)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (csv().replace("0,1,4.0,1", "0,x,4.0,1"), r"edges.csv, line 4: `target` is 'x', expected"),
        (csv().replace("0,1,4.0,1", "0,1,4.0"), "edges.csv, line 4: 3 values, expected 4"),
        ("# c\n\n" + csv().replace("1,3,", "1,4,"), "line 7: `target` is 4, expected a neuron"),
        (csv().replace("1,3,", "-1,3,"), "line 5: `source` is -1, expected a neuron from 0 to 2"),
        (csv().replace("1,3,", "0.5,3,"), "line 5: `source` is 0.5, expected a whole number"),
        (csv().replace("0.25,3", "nan,3"), "line 5: `weight` is nan, expected a number that float"),
        (csv().replace("0.25,3", "0.25,2.5"), "line 5: `delay` is 2.5, expected a whole number"),
        (csv().replace("0.25,3", "0.25,-1"), "line 5: `delay` is -1, expected a delay of at least"),
        (csv("source,target,weight,delay_ms").replace("0.25,3", "0.25,0.7"),
         "line 5: `delay_ms` is 0.7, expected a whole number of time steps of 0.0005 s"),
        (csv("source,target,wieght,delay"), "has a column `wieght`; did you mean `weight`"),
        (csv("source,to,weight,delay"), "has a column `to`"),
        (csv("source,weight", [(0, 1.0)]), "has no column `target`; its columns are: source"),
        (csv("source,target,delay,delay_ms"), "has both `delay` and `delay_ms`"),
        (csv("source,target,weight_mV,delay"), "`weight_mV` has a unit, but weights here have"),
        ("", "is empty; expected a line of column names"),
    ],
)  # fmt: skip
def test_faults_name_the_file_and_the_line(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        network(tmp_path, "edges: edges.csv", edges=text)
    assert "net.yaml:8:" in str(caught.value)


@pytest.mark.parametrize(
    ("connection", "more", "says"),
    [
        ("edges: none.csv", "", "there is no such file"),
        ("edges: net.yaml", "", "expected a file that ends in .csv, .npz"),
        ("file: net.yaml", "", "`file` is an .npz file; `edges` takes lists"),
        ("edges: edges.csv, weight: 1", "", "has a column `weight`; remove `weight`"),
        ("edges: edges.csv", ", delay: 2", "has a column of delays; remove `delay`"),
        ("edges: edges.csv, fan_in: 3", "", "give one of `fan_out`, `fan_in`"),
        ("edges: edges.csv, edge_population: x", "", "is no SONATA file"),
        ("fan_in: 3, weight: 1, weight_unit: nS", "", "belong to `edges`"),
    ],
)
def test_faults_of_the_section(tmp_path, connection, more, says):
    with pytest.raises(ConfigError, match=says):
        network(tmp_path, connection, more=more, edges=csv())


def test_an_empty_list_is_a_list(tmp_path):
    made = network(tmp_path, "edges: edges.csv", edges="source,target,weight\n")
    assert made.projections[0].connection.targets.size == 0


def test_a_list_of_hundreds_of_thousands(tmp_path):
    rng = np.random.default_rng(0)
    edges = np.stack([rng.integers(0, 3, 300_000), rng.integers(0, 4, 300_000)], axis=1)
    text = "source,target\n" + "\n".join(f"{s},{t}" for s, t in edges.tolist())
    made = network(tmp_path, "edges: edges.csv, weight: 1", edges=text)
    sparse = made.projections[0].connection
    expected = np.bincount(edges[:, 0] * 4 + edges[:, 1], minlength=12)
    source = np.repeat(np.arange(3), np.diff(sparse.indptr))
    assert np.array_equal(np.bincount(source * 4 + sparse.targets, minlength=12), expected)


def test_fan_in_gives_each_target_as_many(tmp_path):
    made = network(tmp_path, "fan_in: 5, weight: 0.5").projections[0].connection
    assert made.fan_in.tolist() == [5] * 4
    assert made.weight.tolist() == [0.5] * 20
    sparse = draw_fan_in(20, 2000, 50, 0, "x")
    assert np.all(sparse.fan_in == 50)
    # 100,000 draws over 20 sources: mean 5000, standard deviation 69.
    assert np.all(np.abs(np.diff(sparse.indptr) - 5000) < 5 * 69)
    again = draw_fan_in(20, 2000, 50, 0, "x")
    assert np.array_equal(sparse.targets, again.targets)
    with pytest.raises(ValueError, match="most are"):
        draw_fan_in(10, 10**6, 10**4, 0, "x")
