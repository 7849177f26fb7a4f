"""SANA-FE's architecture file, against numbers in the file and positions worked out by hand."""

import pytest

from chipletsim.errors import ConfigError
from chipletsim.exchange.sanafe.architecture_reader import read_architecture
from chipletsim.exchange.sanafe.imported import import_sanafe
from chipletsim.exchange.sanafe.source import Notes
from tests.exchange.sanafe.files import ARCHITECTURE, changed


def read(folder, *changes):
    path = folder / "arch.yaml"
    path.write_text(changed(ARCHITECTURE, *changes), encoding="utf-8")
    notes = Notes()
    return read_architecture(path, notes), notes


def test_ranges_stand_for_so_many_alike_and_cores_are_numbered_tile_by_tile(tmp_path):
    made, notes = read(tmp_path)
    # Four tiles of two cores, then one of 1 + 2: cores 8, 9 and 10.
    assert made.tile_kinds.tolist() == [0, 0, 0, 0, 1]
    assert made.first_cores.tolist() == [0, 2, 4, 6, 8, 11]
    assert [core.name for core in made.cores_of(4)] == ["core", "core", "core"]
    assert [core.neurons for core in made.cores_of(4)] == [4, 8, 8]
    assert made.core(8).units["soma"][0].model == "truenorth"
    assert [unit.count for unit in made.core(0).units["soma"]] == [1, 1, 8]
    assert notes.lines() == []


@pytest.mark.parametrize(
    ("sync", "expected"),
    [
        ("sync_model: fixed\n    latency_sync: 2.0e-7", {1: 2e-7}),
        ("sync_model: fixed", {1: 0.0}),
        ("", {1: 0.0}),
        ("sync_model: table\n    latency_sync: 3.0e-7", {1: 3e-7}),
        # A list counts from 0 tiles on, and with none in use nothing runs.
        ("sync_model: table\n    latency_sync: [1.0e-7, 2.0e-7, 3.0e-7]", {1: 2e-7, 2: 3e-7}),
        ("sync_model: table\n    latency_sync: [1.0e-7]", {1: 1e-7}),
        ("sync_model: table\n    latency_sync: {4: 4.0e-7, 2: 2.0e-7}", {4: 4e-7, 2: 2e-7}),
        ("sync_model: table\n    latency_sync: {0: 1.0e-9, 2: 2.0e-7}", {1: 1e-9, 2: 2e-7}),
    ],
)
def test_synchronisation_by_tiles_in_use(tmp_path, sync, expected):
    lines = "    sync_model: table\n    latency_sync: {1: 1.0e-7, 3: 3.0e-7}\n"
    made, _ = read(tmp_path, (lines, f"    {sync}\n" if sync else ""))
    assert made.barrier_s == expected


def test_the_package_has_cores_where_their_tiles_stand(tmp_path):
    path = tmp_path / "arch.yaml"
    path.write_text(ARCHITECTURE, encoding="utf-8")
    package = import_sanafe(path).package
    # Tile n stands at x = n // 3, y = n % 3: tiles 0 to 4 at (0,0), (0,1), (0,2), (1,0), (1,1).
    tiles = {tile.name: tile.parameters.neurons for tile in package.tiles}
    assert tiles == {
        "chip(0,0).core0": 8, "chip(0,0).core1": 8, "chip(0,1).core0": 8, "chip(0,1).core1": 8,
        "chip(0,2).core0": 8, "chip(0,2).core1": 8, "chip(1,0).core0": 8, "chip(1,0).core1": 8,
        "chip(1,1).core0": 4, "chip(1,1).core1": 8, "chip(1,1).core2": 8,
    }  # fmt: skip
    assert package.spec.barrier_s == {1: 1e-7, 3: 3e-7}
    core = next(tile for tile in package.tiles if tile.name == "chip(0,0).core0").parameters
    assert core.axon_in.energy_j_per_message == 5e-12
    assert core.axon_out.time_s_per_message == 14e-9
    assert list(core.synapse) == ["first", "second"]
    assert core.synapse["second"].energy_j_per_event == 7e-12
    assert core.dendrite.energy_j_per_update == 0.5e-12
    assert (core.dendrite.per, core.dendrite.update_every_step) == ("synaptic_event", False)
    assert list(core.soma) == ["lif", "other", "input"]
    other = core.soma["other"]
    assert (other.energy_j_per_access, other.energy_j_per_update) == (11e-12, 12e-12)
    assert (other.energy_j_per_spike, other.time_s_per_spike) == (13e-12, 13e-9)
    hop = core.hop
    assert [hop.north.energy_j, hop.east.energy_j, hop.south.energy_j, hop.west.energy_j] == [
        1e-12, 2e-12, 3e-12, 4e-12,
    ]  # fmt: skip
    assert hop.west.time_s == 4e-9


def test_a_mesh_larger_than_its_tiles_is_kept_up_to_the_last_of_them(tmp_path):
    path = tmp_path / "arch.yaml"
    path.write_text(changed(ARCHITECTURE, ("width: 2", "width: 90")), encoding="utf-8")
    assert len(import_sanafe(path).package.routers) == 6


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    topology: mesh\n", "    topology: torus\n", ["`topology: torus`"]),
        ("{model: accumulator, energy_update: 0.5", "{model: accumulator, "
         "update_every_timestep: true, energy_update: 0.5", ["changes nothing in SANA-FE 2.2.9"]),
        ("    width: 2\n", "    width: 2\n    bandwidth: 3\n", ["`bandwidth`"]),
        ("{model: current_based, energy_process_spike: 6.0e-12,",
         "{model: current_based, log_energy: true, energy_process_spike: 6.0e-12,",
         ["`log_energy` (2 times"]),
        ("- name: lif\n        attributes: {model: leaky_integrate_fire,",
         "- name: lif\n        attributes: {model: leaky_integrate_fire, threshold: 3,",
         ["`threshold`"]),
        ("- name: other\n        attributes: {model: leaky_integrate_fire,",
         "- name: other\n        attributes: {model: leaky_integrate_fire, noise: n.csv,",
         ["soma unit `other`", "noise"]),
        ("- name: other\n        attributes: {model: leaky_integrate_fire,",
         "- name: other\n        attributes: {model: hodgkin_huxley, plugin: hh.so,",
         ["soma unit `other`", "plugin"]),
        ("- name: first\n        attributes: {model: current_based,",
         "- name: first\n        attributes: {model: charge_based,",
         ["synapse unit `first`", "no model 'charge_based' here; did you mean `current_based`?"]),
        ("buffer_position: soma, max", "buffer_position: axon_out, max",
         ["cores `core` of tiles `last`", "runs no neuron"]),
        ("buffer_position: soma, max", "buffer_position: dendrite, max",
         ["cores `core` of tiles `last`", "only the last synaptic event"]),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_told(tmp_path, old, new, told):
    path = tmp_path / "arch.yaml"
    path.write_text(changed(ARCHITECTURE, (old, new)), encoding="utf-8")
    lines = "\n".join(import_sanafe(path).left_out)
    assert all(part in lines for part in told), lines


def test_axons_of_several_units_are_those_of_the_first(tmp_path):
    more = "      - name: more\n        attributes: {energy_message_in: 9, latency_message_in: 9}\n"
    path = tmp_path / "arch.yaml"
    old = "5.0e-12, latency_message_in: 5.0e-9}\n"
    path.write_text(changed(ARCHITECTURE, (old, old + more)), encoding="utf-8")
    made = import_sanafe(path)
    assert made.package.tiles[0].parameters.axon_in.energy_j_per_message == 5e-12
    assert any("further unit of `axon_in`" in line for line in made.left_out)
    assert any("prices those of the last" in line for line in made.differs)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("    width: 2\n", "", 3, "there is no `width`"),
        ("    width: 2\n", "    width: two\n", 5, "expected a whole number"),
        ("    width: 2\n", "    width: 0\n", 5, "expected 1 to"),
        ("    width: 2\n", "    width: 1\n", 10, "5 tiles are more than the 1 x 3 places"),
        ("sync_model: table", "sync_model: tabel", 8, "expected fixed or table"),
        ("sync_model: table", "sync_model: fixed", 9, "one number is expected"),
        ("{1: 1.0e-7, 3", "{one: 1.0e-7, 3", 9, "expected a number of tiles"),
        ("{1: 1.0e-7, 3", "{1: -1.0e-7, 3", 9, "must not be below 0"),
        ("energy_north_hop: 1.0e-12", "energy_north: 1.0e-12", 12,
         "there is no `energy_north_hop`, which is needed; there are: energy_north, "),
        ("energy_north_hop: 1.0e-12", "energy_north_hop: 1 pJ", 13, "expected a finite number"),
        ("plain[0..3]", "plain[3..0]", 11, "expected a range that rises"),
        ("buffer_inside_unit: false", "buffer_inside_unit: no", 24, "expected true, false"),
        ("name: second", "name: first", 32, "two units of `synapse` are called 'first'"),
        ("      axon_out:\n      - name: out\n        attributes: {energy_message_out: 14.0e-12,"
         " latency_message_out: 14.0e-9}\n", "", 22, "there is no `axon_out`"),
    ],
)  # fmt: skip
def test_faults_name_their_line(tmp_path, old, new, line, message):
    with pytest.raises(ConfigError, match=message.replace("`", ".")) as caught:
        read(tmp_path, (old, new))
    assert line in {problem.line for problem in caught.value.problems}


def test_every_fault_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, ("width: 2", "width: x"), ("energy_update_neuron: 9.0e-12", "energy: 9"))
    assert len(caught.value.problems) >= 2
