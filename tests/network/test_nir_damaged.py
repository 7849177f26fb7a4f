"""Damaged and hostile NIR files: one clear error each, in little memory, and nothing else."""

import random
import resource
import zlib

import h5py
import numpy as np
import pytest
from nir_graphs import neuron, numbers, port, row

from chipletsim.errors import ConfigError
from chipletsim.network.nir.file import read_graph, write_graph
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import read_nir
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.scheme import Asked

GIBIBYTES = 2
"""Most memory that a file of some kilobytes may take beyond what is in use."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a file with a bit of everything."""
    rng = np.random.default_rng(0)
    loop = NirNode("Affine", {"weight": numbers(rng, 4, 4), "bias": numbers(rng, 4)})
    inner = NirGraph(
        {"i": port("Input", (4,)), "c": neuron(rng, "CubaLIF", (4,)), "w": loop,
         "o": port("Output", (4,))},
        (("i", "c"), ("c", "w"), ("w", "c"), ("c", "o")),
    )  # fmt: skip
    conv = {"weight": numbers(rng, 2, 1, 2, 2), "padding": "same", "bias": numbers(rng, 2),
            "groups": 1, "stride": np.array([1, 1]), "input_shape": np.array([4, 4])}  # fmt: skip
    graph = row(
        ("in", port("Input", (1, 4, 4))),
        ("conv", NirNode("Conv2d", conv)),
        ("lif", neuron(rng, "LIF", (2, 4, 4))),
        ("pool", NirNode("SumPool2d", {"kernel_size": 2, "stride": 2, "padding": np.zeros(2)})),
        ("flat", NirNode("Flatten", {"start_dim": 0, "end_dim": -1})),
        ("fc", NirNode("Linear", {"weight": numbers(rng, 4, 8)})),
        ("wait", NirNode("Delay", {"delay": np.array([0, 1, 2, 0]) * 1e-3})),
        ("rec", NirNode("NIRGraph", graph=inner)),
        ("scale", NirNode("Scale", {"scale": numbers(rng, 4)})),
        ("li", neuron(rng, "LI", (4,))),
        ("out", port("Output", (4,))),
    )
    graph = NirGraph(graph.nodes, graph.edges, {"author": "nobody", "framework": "nothing known"})
    path = tmp_path_factory.mktemp("sound") / "sound.nir"
    write_graph(graph, path)
    assert len(read_nir(path, 1e-3).populations) == 4
    return path.read_bytes()


@pytest.fixture
def little_memory():
    """Fail where more than ``GIBIBYTES`` are taken beyond what is in use."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (GIBIBYTES << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def survives(path, preset=None):
    """Whether a file is read; demand a message that can be printed where it is not."""
    try:
        read_nir(path, 1e-3, Asked(preset=preset))
    except ConfigError as error:
        faults = error.problems
    else:
        return True
    assert faults
    assert all(str(fault).encode("utf-8") for fault in faults)
    return False


def with_bytes_changed(content, draw):
    """Some bytes turned over, most often where the structure lies; or the end cut off."""
    if draw.random() < 0.15:
        return content[: draw.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 4, 16, 64])):
        place = draw.randrange(len(content) if draw.random() < 0.5 else 4096)
        changed[place] = draw.choice([0, 255, draw.randrange(256), changed[place] ^ 1])
    return bytes(changed)


VALUES = [
    np.nan, np.inf, -1, 0, 2**62, 1e300, "text", b"\xff\xfe", np.zeros(0), np.zeros((2, 3, 4)),
    np.array([np.nan, 1, 2, 3]), np.ones(4, complex), np.array([b"a", b"b"]), np.ones((1, 40)),
    np.array([2**31, 1]), np.array([-1, -1]), True, h5py.Empty("f"),
]  # fmt: skip


def with_structure_changed(path, draw):
    """One to three groups or datasets deleted, replaced, doubled or linked elsewhere."""
    with h5py.File(path, "a") as file:
        for _ in range(draw.choice([1, 1, 2, 3])):
            places = []
            file.visit(places.append)
            places = [place for place in places if isinstance(place, str)]
            if not places:
                return
            name = draw.choice(places)
            parent, _, own = name.rpartition("/")
            group = file[parent] if parent else file
            _change(file, group, own, places, draw)


def _change(file, group, own, places, draw):
    kind = draw.randrange(6)
    other = draw.choice(places)
    if kind == 0:
        del group[own]
    elif kind == 1:
        del group[own]
        group[own] = draw.choice(VALUES)
    elif kind == 2:
        del group[own]
        if other in file:
            group[own] = file[other]  # the same thing twice: graphs may hold themselves
    elif kind == 3:
        group.move(own, own.encode() + draw.choice([b"_", b".lif", b"\xff", b"\n"]))
    elif kind == 4:
        del group[own]
        group[own] = draw.choice([h5py.SoftLink(f"/{other}"), h5py.ExternalLink("x.h5", "/")])
    elif isinstance(group[own], h5py.Dataset):
        shape, dtype = draw.choice([(2**33,), (2**20, 2**20), (7,), ()]), group[own].dtype
        del group[own]
        group.create_dataset(own, shape=shape, dtype=dtype, chunks=True if shape else None)


def mutate(sound, path, seed):
    draw = random.Random(seed)
    path.unlink(missing_ok=True)
    if draw.random() < 0.5:
        path.write_bytes(with_bytes_changed(sound, draw))
    else:
        path.write_bytes(sound)
        with_structure_changed(path, draw)
    return draw.choice([None, *PRESETS])


@pytest.mark.usefixtures("little_memory")
def test_damaged_files(sound, tmp_path):
    read = [survives(tmp_path / "x.nir", mutate(sound, tmp_path / "x.nir", n)) for n in range(50)]
    assert 0 < sum(read) < len(read)


@pytest.mark.slow
@pytest.mark.usefixtures("little_memory")
def test_many_damaged_files(sound, tmp_path):
    for seed in range(1000, 3000):
        survives(tmp_path / "x.nir", mutate(sound, tmp_path / "x.nir", seed))


# --- attacks, one by one -------------------------------------------------------------------


def refused(path, words):
    with pytest.raises(ConfigError) as caught:
        read_nir(path, 1e-3)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.fixture
def file(sound, tmp_path):
    path = tmp_path / "x.nir"
    path.write_bytes(sound)
    return path


def test_a_graph_that_holds_itself(file):
    with h5py.File(file, "a") as stored:
        stored["node/nodes/rec/nodes/again"] = stored["node/nodes/rec"]
    refused(file, "is another node as well")


def test_a_graph_whose_graphs_double_at_every_level(tmp_path):
    path = tmp_path / "x.nir"
    with h5py.File(path, "w") as stored:
        levels = [stored.create_group("node")] + [stored.create_group(f"g{n}") for n in range(30)]
        for number, group in enumerate(levels):
            group["type"] = "NIRGraph"
            group.create_dataset("edges", shape=(0, 2), dtype=h5py.string_dtype())
            nodes = group.create_group("nodes")
            for name in ("a", "b"):
                if number + 1 < len(levels):
                    nodes[name] = levels[number + 1]
    refused(path, "is another node as well")


def test_a_text_that_claims_gigabytes(file):
    # The length of a text stands in its dataset: make that of one type four gigabytes.
    with h5py.File(file, "a") as stored:
        place = stored["node/nodes/lif/type"].id.get_offset()
    content = bytearray(file.read_bytes())
    content[place : place + 4] = b"\xf0\xff\xff\xff"
    file.write_bytes(content)
    refused(file, "declares 4,294,967,280 bytes of text")


def test_texts_that_share_one_long_text(tmp_path):
    path = tmp_path / "x.nir"
    with h5py.File(path, "w") as stored:
        group = stored.create_group("node")
        group["type"] = "NIRGraph"
        group.create_group("nodes")
        group.create_dataset("edges", data=[["x" * 100_000] * 2], dtype=h5py.string_dtype())
        stored.create_dataset("more", shape=(10_000, 2), dtype=h5py.string_dtype())
        stored["more"][:] = "y"
        one, many = (stored[name].id.get_offset() for name in ("node/edges", "more"))
        del group["edges"]
        group["edges"] = stored["more"]
    content = bytearray(path.read_bytes())
    content[many : many + 16 * 20_000] = content[one : one + 16] * 20_000
    path.write_bytes(content)
    refused(path, "declares 2,000,000,000 bytes of text")


def test_a_collection_of_texts_that_leads_nowhere(file):
    content = bytearray(file.read_bytes())
    place = content.find(b"GCOL")
    content[place + 16 : place + 32] = bytes(16)  # free space of no size: the library would loop
    file.write_bytes(content)
    refused(file, "a damaged collection of texts at byte")


def test_gzip_that_unpacks_without_end(file):
    with h5py.File(file, "a") as stored:
        del stored["node/nodes/fc/weight"]
        packed = stored["node/nodes/fc"].create_dataset(
            "weight", shape=(2**14, 2**14), chunks=(2**14, 2**14), dtype="f4", compression="gzip"
        )
        packed.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**20)))
    refused(file, "declares 1,073,741,824 bytes, but only")


@pytest.mark.parametrize("name", [b"\xff", b"a\nb"])
def test_names_that_cannot_be_printed(file, name):
    with h5py.File(file, "a") as stored:
        stored["node/nodes"].move("fc", name)
    refused(file, "a name is no printable text")


def test_texts_that_are_no_text(file):
    with h5py.File(file, "a") as stored:
        del stored["node/nodes/fc/type"]
        stored["node/nodes/fc/type"] = np.bytes_(b"Lin\xffear")
    refused(file, "a text is not UTF-8")


def test_neurons_that_nobody_has_room_for(tmp_path):
    # Weights of a convolution are few, the planes that it makes are not.
    conv = {"weight": np.ones((4096, 1, 1, 1), np.float32)}
    graph = row(("in", port("Input", (1, 4096, 4096))), ("c", NirNode("Conv2d", conv)),
                ("out", NirNode("Output", {})))  # fmt: skip
    write_graph(graph, tmp_path / "x.nir")
    refused(tmp_path / "x.nir", "more than 268,435,456 neurons")


def test_nested_graphs_need_one_way_in_and_out(tmp_path):
    inner = NirGraph({"o": port("Output", (1,))}, ())
    graph = row(("in", port("Input", (1,))), ("g", NirNode("NIRGraph", graph=inner)),
                ("out", port("Output", (1,))))  # fmt: skip
    write_graph(graph, tmp_path / "x.nir")
    refused(tmp_path / "x.nir", "the graph holds 0 nodes of type Input")


def test_graphs_inside_are_read_to_any_depth(tmp_path):
    graph = row(("i", port("Input", (1,))), ("n", NirNode("IF", {"r": 1.0, "v_threshold": 1.0})),
                ("o", port("Output", (1,))))  # fmt: skip
    for level in range(20):
        graph = row(("i", port("Input", (1,))), (f"g{level}", NirNode("NIRGraph", graph=graph)),
                    ("o", port("Output", (1,))))  # fmt: skip
    write_graph(graph, tmp_path / "x.nir")
    assert read_graph(tmp_path / "x.nir").nodes["g19"].type == "NIRGraph"
    network = read_nir(tmp_path / "x.nir", 1e-3)
    assert [p.name for p in network.populations][1].count(".") == 20


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("chipletsim_options", "{", "is damaged"),
        ("chipletsim_options", '{"rest": "zero"}', "is damaged"),
        ("chipletsim_options", '{"spikes": "multi"}', "no option of snntorch"),
        ("chipletsim_options", 3, "is damaged"),
        ("chipletsim_preset", "unheard of", None),
    ],
)
def test_damaged_notes_of_our_own(tmp_path, key, value, words):
    lif = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}
    graph = row(("in", port("Input", (1,))), ("n", NirNode("LIF", lif)),
                ("out", port("Output", (1,))))  # fmt: skip
    notes = {"chipletsim_preset": "snntorch", key: value}
    write_graph(NirGraph(graph.nodes, graph.edges, notes), tmp_path / "x.nir")
    if words is None:
        assert survives(tmp_path / "x.nir")
    else:
        refused(tmp_path / "x.nir", words)
