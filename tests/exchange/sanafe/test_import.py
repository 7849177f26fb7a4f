"""From SANA-FE's files to a network on a package: who lives where, in which order, fed by what."""

import numpy as np
import pytest

from chipletsim.errors import ConfigError, UsageError
from chipletsim.exchange.sanafe.imported import import_sanafe
from tests.exchange.sanafe.files import ARCHITECTURE, NETWORK, changed, written

DELAYING = (
    ("buffer_position: soma, buffer_inside_unit: false",
     "buffer_position: dendrite, buffer_inside_unit: true"),
    ("model: accumulator, energy_update: 0.5e-12, latency_update: 0.5e-9",
     "model: accumulator_with_delay, energy_update: 0.5e-12, latency_update: 0"),
)  # fmt: skip


def imported(folder, *changes, architecture=(), **options):
    paths = written(folder, changed(ARCHITECTURE, *architecture), changed(NETWORK, *changes))
    return import_sanafe(*paths, **options)


def slices(made):
    """Return slices as population, first and last neuron, tile and unit."""
    return [
        (
            made.network.populations[part.population].name,
            *part.box[0],
            made.package.tiles[part.tile].name,
            part.unit,
        )
        for part in made.mapping.slices
    ]


def synapses(made):
    """Return synapses as names of SANA-FE's neurons, weight and delay, projection by projection."""
    found = {}
    for each in made.network.projections:
        rows = np.repeat(
            np.arange(each.connection.indptr.size - 1), np.diff(each.connection.indptr)
        )
        found[each.name] = [
            (
                f"{made.groups[each.source]}.{made.members[each.source][source]}",
                f"{made.groups[each.target]}.{made.members[each.target][target]}",
                weight,
                each.delay,
            )
            for source, target, weight in zip(
                rows, each.connection.targets, each.connection.weight.tolist(), strict=True
            )
        ]
    return found


def test_neurons_work_core_by_core_in_the_order_of_their_mapping(tmp_path):
    made = imported(
        tmp_path,
        ("- hidden.2..3: {core: 1.0}", "- hidden.3: {core: 1.0}\n- hidden.2: {core: 1.0}"),
        ("- out: {core: 1.0}", "- out: {core: 1.0}\n- hidden.1: {core: 0.0}"),
    )
    # Core 0.0: in.0, in.1, hidden.1; core 0.1: hidden.0; core 1.0: hidden.3, hidden.2, out.0.
    assert made.members["hidden"].tolist() == [1, 0, 3, 2]
    assert made.network.summation_rank.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert slices(made) == [
        ("in", 0, 2, "chip(0,0).core0", "input"),
        ("hidden", 0, 1, "chip(0,0).core0", "other"),
        ("hidden", 1, 2, "chip(0,0).core1", "other"),
        ("hidden", 2, 4, "chip(0,1).core0", ""),
        ("out", 0, 1, "chip(0,1).core0", ""),
    ]
    hidden = made.network.population("hidden").parameters
    assert hidden["threshold"].tolist() == [1.5, 1.5, 2.5, 1.5]
    assert hidden["bias"].tolist() == [0.25, 0.25, 0, 0.25]


def test_the_rank_follows_cores_where_groups_are_mixed(tmp_path):
    made = imported(tmp_path, ("- out: {core: 1.0}", "- out: {core: 0.0}"))
    # Population order in, hidden, out; core order in.0, in.1, out.0, then hidden.
    assert made.network.summation_rank.tolist() == [0, 1, 3, 4, 5, 6, 2]


def test_synapses_keep_their_order_and_their_weight(tmp_path):
    sparse = "{type: sparse, source_target_pairs: [[0, 2], [1, 0], [0, 2]], weight: [1, 2, 0.1]}"
    made = imported(tmp_path, ("{type: dense, weight: [1, 2, 3, 4, 5, 6, 7, 8]}", sparse))
    assert synapses(made) == {
        "in>hidden": [
            ("in.0", "hidden.2", 1, 1), ("in.0", "hidden.2", 0.1, 1), ("in.1", "hidden.0", 2, 1),
        ],
        "hidden>out": [("hidden.0", "out.0", 0.5, 1), ("hidden.3", "out.0", -1, 1)],
    }  # fmt: skip
    assert made.network.projections[0].connection.weight.dtype == np.float64


def test_synapse_units_are_those_of_the_targets(tmp_path):
    made = imported(
        tmp_path, ("- hidden.2..3: {core: 1.0}", "- hidden.2..3: {core: 1.0, synapse: second}")
    )
    assert made.mapping.synapse_units == {"in>hidden second": "second", "hidden>out": "second"}
    of = {name: {target for _, target, *_ in rows} for name, rows in synapses(made).items()}
    assert of["in>hidden first"] == {"hidden.0", "hidden.1"}
    assert of["in>hidden second"] == {"hidden.2", "hidden.3"}


def test_groups_of_several_models_are_several_populations(tmp_path):
    made = imported(
        tmp_path,
        ("- hidden.2..3: {core: 1.0}", "- hidden.2..3: {core: 4.0}"),
        ("threshold: 1.5, log", "threshold: 1.5, leak: 0.5, leak_decay: 0.75, log"),
    )
    populations = {each.name: each for each in made.network.populations}
    assert list(populations) == [
        "in", "hidden.leaky_integrate_fire", "hidden.truenorth", "out",
    ]  # fmt: skip
    assert {name: each.model for name, each in populations.items()} == {
        "in": "input",
        "hidden.leaky_integrate_fire": "loihi_lif",
        "hidden.truenorth": "truenorth",
        "out": "loihi_lif",
    }
    assert "leak" not in populations["hidden.leaky_integrate_fire"].parameters
    assert populations["hidden.truenorth"].parameters["leak"] == 0.5
    assert made.groups["hidden.truenorth"] == "hidden"
    assert made.members["hidden.truenorth"].tolist() == [2, 3]
    told = "\n".join(made.left_out)
    assert "`leak` of neurons of model leaky_integrate_fire" in told
    assert "`leak_decay` of neurons of model truenorth" in told


def test_cores_with_other_synapse_units_make_populations_of_their_own(tmp_path):
    # hidden.2 and hidden.3 live where there is no unit called `second`.
    north = "name: north\n        attributes: {model: "
    made = imported(
        tmp_path,
        ("- hidden.2..3: {core: 1.0}", "- hidden.2..3: {core: 4.0, soma: north}"),
        ("- hidden.0..1: {core: 0.1, soma: other}", "- hidden.0..1: {core: 0.1, synapse: second}"),
        architecture=((f"{north}truenorth", f"{north}leaky_integrate_fire"),),
    )
    assert [each.name for each in made.network.populations] == [
        "in", "hidden.leaky_integrate_fire.0", "hidden.leaky_integrate_fire.1", "out",
    ]  # fmt: skip


def test_delays_are_those_of_dendrites_that_delay(tmp_path):
    made = imported(
        tmp_path,
        ("[weight: 0.5]", "[weight: 0.5, delay: 3]"),
        architecture=DELAYING,
    )
    assert synapses(made)["hidden>out"] == [("hidden.3", "out.0", -1, 1)]
    assert synapses(made)["hidden>out after 4"] == [("hidden.0", "out.0", 0.5, 4)]
    dendrite = made.package.tiles[0].parameters.dendrite
    assert (dendrite.per, dendrite.update_every_step) == ("synaptic_event", True)
    plain = imported(tmp_path, ("[weight: 0.5]", "[weight: 0.5, delay: 3]"))
    assert {each.delay for each in plain.network.projections} == {1}
    assert any("`delay` of 1 synapses" in line for line in plain.left_out)


def test_delays_of_several_synapse_units_are_told(tmp_path):
    told = "cores with delays use several synapse units"
    assert any(told in line for line in imported(tmp_path, architecture=DELAYING).differs)
    assert not any(told in line for line in imported(tmp_path).differs)
    one = imported(tmp_path, ("synapse_hw_name: second", "bias: 0"), architecture=DELAYING)
    assert not any(told in line for line in one.differs)


def test_inputs_fire_by_trains_rates_and_chance(tmp_path):
    made = imported(tmp_path)
    # `rate: 0.5` fires in every second step, t = 2, 4, ...; steps are those of the train.
    assert made.steps == 3
    assert made.inputs["in"][0].T.tolist() == [[True, False, True], [False, True, False]]
    longer = imported(tmp_path, ("rate: 0.5", "rate: 0.3, spikes: [1]"), steps=7)
    assert longer.inputs["in"][0].T.astype(int).tolist() == [
        [1, 0, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 1, 0],
    ]
    cut = imported(tmp_path, steps=2)
    assert any("1 spikes of inputs" in line and "last step" in line for line in cut.left_out)


def test_random_inputs_depend_on_the_seed_alone(tmp_path):
    drawn = [
        imported(tmp_path, ("rate: 0.5", "poisson: 0.25"), steps=4000, seed=seed)
        for seed in (1, 1, 2)
    ]
    spikes = [each.inputs["in"][0, :, 1] for each in drawn]
    assert np.array_equal(spikes[0], spikes[1])
    assert not np.array_equal(spikes[0], spikes[2])
    assert abs(spikes[0].mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    assert any("drawn with seed 1" in line for line in drawn[0].differs)


def test_inputs_that_share_a_unit_have_spikes_of_their_own_and_that_is_told(tmp_path):
    made = imported(tmp_path, ('"input[4]"', '"input[3]"'))
    assert made.inputs["in"][0].T.tolist() == [[True, False, True], [False, True, False]]
    assert any("2 input neurons share an input unit" in line for line in made.differs)
    assert not any("share" in line for line in imported(tmp_path).differs)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- hidden.0..1: {core: 0.1, soma: other}\n", "",
         "no core is given for 2 neurons: hidden.0, hidden.1"),
        ("soma: other", "soma: othr", "there is no 'othr'; did you mean `other`?"),
        ("soma: other", "soma: input", "replicated; give an index, such as `input[0]`"),
        ('"input[3]"', '"input[8]"', "'input' goes from 0 to 7, there is no 'input[8]'"),
        ("soma: other", 'soma: "other[0]"', "'other' is a single unit, without an index"),
        ("hidden.0 -> out.0", "hidden.0 -> in.1", "in.1 is on an input unit"),
        ("hidden.0..1: {core: 0.1,", "hidden.0..1: {core: 4.0,", "there is no 'other'"),
    ],
)  # fmt: skip
def test_networks_that_do_not_fit_are_errors(tmp_path, old, new, message):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, (old, new))
    assert message in str(caught.value)


def test_more_neurons_than_a_core_holds(tmp_path):
    fewer = (("max_neurons_supported: 8", "max_neurons_supported: 2"),)
    with pytest.raises(ConfigError, match="core 2 holds 2 neurons, not 3"):
        imported(tmp_path, architecture=fewer)


SLOW = (
    DELAYING[1][0],
    DELAYING[1][1].replace("latency_update: 0", "latency_update: 1e-9"),
)
BUFFER = "buffer_position: soma, buffer_inside_unit: false"
OTHER = "- name: other\n        attributes: {"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (DELAYING[:1], "loses all input"),
        (DELAYING[1:], "loses spikes"),
        ([DELAYING[0], SLOW], "make its `latency_update` 0"),
        ([(BUFFER, BUFFER.replace("false", "true"))], "ends with an error"),
        ([(BUFFER, "buffer_position: dendrite")], "only the last synaptic event"),
        ([(BUFFER, BUFFER.replace("soma", "axon_out"))], "runs no neuron"),
        ([(BUFFER, BUFFER.replace("soma", "synapse"))], "knows no such place"),
        ([("model: accumulator, energy_update: 0.5", "model: taps, energy_update: 0.5")], "'taps'"),
        ([(OTHER, f"{OTHER}noise: n.csv, ")], "noise comes from a file"),
        ([(OTHER, f"{OTHER}plugin: p.so, ")], "only SANA-FE can run"),
    ],
)
def test_what_has_no_counterpart_is_an_error_where_it_is_used(tmp_path, changes, message):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, architecture=changes)
    assert message in str(caught.value)


def test_a_delay_longer_than_any_dendrite_holds(tmp_path):
    with pytest.raises(ConfigError, match="a delay of 6 steps; SANA-FE's most is 5"):
        imported(tmp_path, ("[weight: 0.5]", "[weight: 0.5, delay: 6]"), architecture=DELAYING)


@pytest.mark.parametrize("options", [{"steps": 0}, {"seed": -1}])
def test_numbers_that_cannot_be_are_wrong_usage(tmp_path, options):
    with pytest.raises(UsageError):
        imported(tmp_path, **options)


def test_netlists_are_told_how_to_become_yaml(tmp_path):
    with pytest.raises(UsageError, match="use_netlist_format=True"):
        import_sanafe(written(tmp_path)[0], "old.net")


def test_the_report_says_what_came_in(tmp_path):
    report = str(imported(tmp_path))
    for part in ("synapses", "10", "left out: `log_spikes`", "otherwise: links have no bandwidth"):
        assert part in report


@pytest.mark.parametrize(
    ("change", "file", "says"),
    [
        (("- out: {core: 1.0}\n", ""), "snn.yaml", "no core is given for 1 neurons: out.0"),
        (("soma: other", "soma: othr"), "snn.yaml", "there is no 'othr'; did you mean `other`"),
    ],
)
def test_faults_of_a_mapping_name_the_file(tmp_path, change, file, says):
    with pytest.raises(ConfigError, match=says) as caught:
        imported(tmp_path, change)
    assert [(each.file, each.path) for each in caught.value.problems] == [
        (str(tmp_path / file), "mappings")
    ]


def test_faults_of_cores_name_the_architecture(tmp_path):
    change = ("buffer_position: soma, buffer_inside_unit: false", "buffer_position: axon_out")
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, architecture=(change,))
    assert {each.file for each in caught.value.problems} == {str(tmp_path / "arch.yaml")}


def test_a_missing_replicated_unit_is_told_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, ("input[3]", "inptu[3]"), ("input[4]", "inptu[4]"))
    (told,) = caught.value.problems
    assert "there is no 'inptu[3]'; did you mean `input`" in told.message
