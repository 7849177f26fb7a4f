"""Network files: parameters with units, arrays from files, random connectivity."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.draw import draw_fan_out, draw_probability, read_array, read_sparse
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.load import load_network
from chipletsim.spec.resolve import preset_names

NETWORK = """
name: small
dt: 1 ms
populations:
  in: {shape: [1, 6, 6], model: input}
  conv: {shape: [2, 6, 6], model: lif, parameters: {tau: 10 ms, v_threshold: 0.5}, bias: 0.25}
  out: {shape: [3], model: li, parameters: {tau: {uniform: {low: 0.01, high: 0.02}}}, output: true}
projections:
  - {source: in, target: conv,
     connection: {kind: conv2d, kernel: [3, 3], padding: same, weight: {normal: {std: 1}}}}
  - {source: conv, target: out, pool: {kernel: [2, 2], mode: avg}, delay: 2,
     connection: {kind: dense, weight: {file: arrays.npz, array: dense}}}
"""


@pytest.fixture
def folder(tmp_path):
    dense = np.arange(3 * 18, dtype=np.float64).reshape(3, 18)
    np.savez(tmp_path / "arrays.npz", dense=dense, kernel=np.ones((2, 1, 3, 5)))
    (tmp_path / "small.yaml").write_text(NETWORK)
    return tmp_path


def with_projection(folder, text, shapes="[4], [6]"):
    """Load a two-population network with the given connection; shapes of both in YAML."""
    first, second = shapes.split("], ")
    (folder / "one.yaml").write_text(
        f"""
name: one
dt: 1 ms
populations:
  a: {{shape: {first}], model: input}}
  b: {{shape: {second}, model: lif, parameters: {{tau: 10 ms}}}}
projections:
  - {{source: a, target: b, connection: {text}}}
"""
    )
    return load_network(folder / "one.yaml").projections[0].connection


def test_a_file_gives_its_network(folder):
    network = load_network(folder / "small.yaml")
    first, second = network.projections
    assert network.dt_s == 1e-3
    assert isinstance(first.connection, Conv2d)
    assert first.connection.weight.shape == (2, 1, 3, 3)
    assert first.connection.padding == ((1, 1), (1, 1))
    assert second.pool == Pool2d((2, 2), (2, 2), mode="avg")
    assert second.delay == 2
    assert second.connection.weight.dtype == np.float32
    assert second.connection.weight[2, 17] == 53
    conv, out = network.population("conv"), network.population("out")
    assert conv.parameters["tau"] == np.float32(0.01)
    assert np.all(conv.bias == 0.25)
    assert out.parameters["tau"].shape == (3,)
    assert (out.output, out.value_bits, conv.value_bits) == (True, 32, 0)


def test_time_step_can_be_replaced(folder):
    assert load_network(folder / "small.yaml", dt="250 us").dt_s == 250e-6
    assert load_network(folder / "small.yaml", dt=0.002).dt_s == 0.002


def test_the_same_file_gives_the_same_numbers(folder):
    first, second = (load_network(folder / "small.yaml") for _ in range(2))
    assert fingerprint(first) == fingerprint(second)


def test_draws_differ_by_seed_and_by_projection(folder):
    weights = [
        with_projection(folder, f"{{kind: dense, weight: {{normal: {{std: 1}}, seed: {seed}}}}}")
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(weights[0].weight, weights[1].weight)
    assert not np.any(weights[0].weight == weights[2].weight)


def test_normal_and_uniform_have_their_moments(folder):
    normal = with_projection(
        folder, "{kind: dense, weight: {normal: {mean: 2, std: 0.5}}}", "[200], [300]"
    ).weight
    assert normal.mean() == pytest.approx(2, abs=5 * 0.5 / np.sqrt(normal.size))
    assert normal.std() == pytest.approx(0.5, rel=0.02)
    uniform = with_projection(
        folder, "{kind: dense, weight: {uniform: {low: -1, high: 3}}}", "[200], [300]"
    ).weight
    assert -1 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3
    assert uniform.mean() == pytest.approx(1, abs=0.03)


def test_every_kind_of_connection(folder):
    assert isinstance(with_projection(folder, "{kind: dense, weight: 1}"), Dense)
    one = with_projection(folder, "{kind: one_to_one, weight: 2}", "[2, 3], [6]")
    assert isinstance(one, OneToOne)
    assert one.weight.tolist() == [2] * 6
    pool = with_projection(
        folder, "{kind: pool2d, kernel: [2, 2], stride: [1, 1]}", "[1, 4, 4], [1, 3, 3]"
    )
    assert pool == Pool2d((2, 2), (1, 1))
    conv = with_projection(
        folder,
        "{kind: conv2d, weight: {file: arrays.npz, array: kernel}, padding: [[1, 0], [2, 2]]}",
        "[1, 4, 4], [2, 3, 4]",
    )
    assert conv.padding == ((1, 0), (2, 2))
    assert conv.weight.dtype == np.float32


def test_sparse_with_a_fan_out(folder):
    sparse = with_projection(folder, "{kind: sparse, fan_out: 7, weight: 0.5}", "[100], [50]")
    assert isinstance(sparse, Sparse)
    assert np.all(np.diff(sparse.indptr) == 7)
    assert sparse.weight.tolist() == [0.5] * 700
    assert sparse.targets.min() >= 0
    assert sparse.targets.max() == 49


def test_fan_out_targets_are_uniform():
    counts = np.bincount(draw_fan_out(2000, 20, 50, 0, "x").targets, minlength=20)
    # 100,000 draws over 20 targets: mean 5000, standard deviation 69.
    assert np.all(np.abs(counts - 5000) < 5 * 69)


def test_probability_draws_every_pair_alike_and_none_twice():
    sparse = draw_probability(300, 200, 0.1, 3, "x")
    pairs = np.repeat(np.arange(300), np.diff(sparse.indptr)) * 200 + sparse.targets
    assert np.array_equal(pairs, np.unique(pairs))
    # 60,000 pairs at 0.1: standard deviation 73; columns 30 +- 5.2, rows 20 +- 4.2.
    assert abs(pairs.size - 6000) < 5 * 73
    assert np.all(np.abs(sparse.fan_in - 30) < 5 * 5.2)
    assert np.all(np.abs(np.diff(sparse.indptr) - 20) < 5 * 4.2)


@pytest.mark.parametrize(("probability", "count"), [(0, 0), (1, 12)])
def test_probability_at_its_ends(probability, count):
    sparse = draw_probability(3, 4, probability, 0, "x")
    assert sparse.targets.tolist() == list(range(4)) * (count // 4)
    assert sparse.problem((3,), (4,)) is None


def test_sparse_from_a_file(folder):
    np.savez(folder / "list.npz", indptr=[0, 2, 3, 3, 3], targets=[0, 5, 5], weight=[1.0, 2, 3])
    sparse = with_projection(folder, "{kind: sparse, file: list.npz}")
    assert (sparse.indptr.tolist(), sparse.targets.tolist()) == ([0, 2, 3, 3, 3], [0, 5, 5])
    assert (sparse.weight.dtype, sparse.n_targets) == (np.float32, 6)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("{kind: dense, weight: {file: gone.npz, array: w}}", "there is no file"),
        ("{kind: dense, weight: {file: arrays.npz, array: w}}", "it holds: dense, kernel"),
        ("{kind: dense, weight: {file: arrays.npz}}", "name one under `array`: dense, kernel"),
        ("{kind: dense, weight: {file: arrays.npz, array: dense}}", "expected [6, 4]"),
        ("{kind: dense, weight: {normal: {std: 1}, uniform: {low: 0, high: 1}}}", "one of"),
        ("{kind: sparse, fan_out: 3}", "give `weight`"),
        ("{kind: sparse, weight: 1}", "give one of `fan_out`"),
        ("{kind: sparse, fan_out: 1000000000, weight: 1}", "4,000,000,000 synapses"),
        ("{kind: dense, weight: 1}", "100,000,000,000,000 numbers"),
        ("{kind: conv2d, kernel: [3, 3], weight: 1}", "shape [channels, height, width]"),
        ("{kind: pool2d, kernel: [2, 2]}", "shape [C, H, W]"),
    ],
)
def test_faults_of_connections(folder, connection, words):
    shapes = "[10000000], [10000000]" if "numbers" in words else "[4], [6]"
    with pytest.raises(ConfigError) as caught:
        with_projection(folder, connection, shapes)
    assert words in str(caught.value)
    assert "one.yaml" in str(caught.value)
    assert "projections.0.connection" in caught.value.problems[0].path


def test_broken_sparse_file(folder):
    np.savez(folder / "list.npz", indptr=[0, 9, 3, 3, 3], targets=[0, 5, 5], weight=[1.0, 2, 3])
    with pytest.raises(ConfigError, match="must rise"):
        with_projection(folder, "{kind: sparse, file: list.npz}")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tau: 10 ms", "tau: 10", "has no unit; expected one like '10 s'"),
        ("tau: 10 ms", "tau: 10 mJ", "wrong dimension"),
        ("tau: 10 ms", "tua: 10 ms", "no lif parameter `tua`; did you mean `tau`?"),
        ("v_threshold: 0.5", "v_threshold: 5 mV", "expected a number, got '5 mV'"),
        ("model: lif", "model: liff", "did you mean `lif`"),
        ("source: in,", "source: inn,", "did you mean `in`"),
        ("pool: {kernel: [2, 2], mode: avg}", "pool: {kernel: [9, 2]}", "window of 9"),
        ("[2, 6, 6]", "[2, 5, 6]", "gives shape [2, 6, 6], but the target has [2, 5, 6]"),
        ("delay: 2", "delay: -2", "must be at least 0"),
        ("padding: same", "padding: same, stride: [2, 2]", "needs stride (1, 1)"),
        ("kernel: [3, 3], ", "", "give `kernel`"),
    ],
)
def test_faults_of_files_name_their_line(folder, old, new, words):
    assert old in NETWORK
    (folder / "broken.yaml").write_text(NETWORK.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_network(folder / "broken.yaml")
    assert words in str(caught.value)
    assert caught.value.problems[0].file.endswith("broken.yaml")
    assert caught.value.problems[0].line


def test_networks_as_mappings():
    network = load_network(
        {
            "name": "m",
            "dt": "1 ms",
            "populations": {"a": {"shape": [2], "model": "lif", "parameters": {"tau": "10 ms"}}},
        }
    )
    assert network.neurons == 2


def test_wrong_time_steps(tmp_path):
    with pytest.raises(ConfigError, match="positive"):
        load_network({}, dt=-1.0)
    with pytest.raises(ConfigError, match="unit"):
        load_network({}, dt="5")
    (tmp_path / "x.nir").write_bytes(b"")
    with pytest.raises(UsageError, match="holds no time step"):
        load_network(tmp_path / "x.nir")


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_files_from_strangers_are_not_executed(tmp_path):
    data = np.empty(1, object)
    data[0] = Evil()
    np.save(tmp_path / "evil.npy", data, allow_pickle=True)
    with pytest.raises(ValueError, match="expected numbers"):
        read_array(tmp_path / "evil.npy", None, (1,))
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="magic"):
        read_array(tmp_path / "raw.npy", None, (1,))


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    )
    (tmp_path / "huge.npy").write_bytes(header.getvalue())
    with pytest.raises(ValueError, match="shorter than its header"):
        read_array(tmp_path / "huge.npy", None, (2**40,))
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(ValueError, match="shorter than its header"):
        read_array(tmp_path / "huge.npz", "a", (2**40,))


def test_damaged_and_encrypted_archives_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.arange(1000.0))
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    refused = 0
    for place in range(60, len(whole) - 120, 7):
        damaged = whole.copy()
        damaged[place] ^= 0x55
        (tmp_path / "b.npz").write_bytes(damaged)
        try:
            read_array(tmp_path / "b.npz", "a", (1000,))
        except ValueError:
            refused += 1
    assert refused > 100
    whole[6] |= 1  # the flag of an encrypted member, here and in the directory
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.npz").write_bytes(whole)
    with pytest.raises(ValueError, match="encrypted"):
        read_array(tmp_path / "b.npz", "a", (1000,))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"targets": np.array([0, 2**32])}, "targets must lie in 0..2"),
        ({"targets": np.array([0.5, 1])}, "expected integers"),
        ({"indptr": np.array([0, -1])}, "indptr must lie in 0"),
    ],
)
def test_indices_are_checked_before_they_are_cut_to_32_bits(tmp_path, changed, words):
    arrays = {"indptr": np.array([0, 2]), "targets": np.array([0, 1]), "weight": np.ones(2)}
    np.savez(tmp_path / "s.npz", **{**arrays, **changed})
    with pytest.raises(ValueError, match=words):
        read_sparse(tmp_path / "s.npz", 1, 3)


def test_column_major_arrays_are_read_right(tmp_path):
    values = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "f.npy", np.asfortranarray(values))
    assert np.array_equal(read_array(tmp_path / "f.npy", None, (2, 3)), values)


LARGE = {"networks/brunel"}  # 15.6 million synapses


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LARGE else ())
        for name in preset_names("networks")
    ],
)
def test_every_shipped_network_loads(name):
    network = load_network(name)
    assert any(population.output for population in network.populations)
