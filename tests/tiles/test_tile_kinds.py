"""Every tile kind: its documented examples, monotone costs, jit, vmap and gradients."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chipletsim.spec.load import load_spec
from chipletsim.tiles import (
    EVENT_NAMES,
    TILE_KINDS,
    Crossbar,
    Npu,
    TileEvents,
    TileParameters,
    TileSpec,
    of_unit,
)

pytestmark = pytest.mark.usefixtures("quick_programs")

CONFIGS = Path(__file__).parents[2] / "configs" / "tiles"
PRESETS = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def preset(name: str) -> TileParameters:
    return load_spec(CONFIGS / f"{name}.yaml", TileSpec).spec


def some_events(rows: int = 3, tiles: int = 2, seed: int = 0) -> TileEvents:
    generator = np.random.default_rng(seed)
    fields = {
        name: generator.integers(0, 1000, (rows, tiles)).astype(np.int64) for name in EVENT_NAMES
    }
    fields["dense_operations"] = fields["dense_operations"] + fields["synaptic_operations"]
    of_units = {
        (name, unit): fields[name] // (3 + unit)
        for name in ("synaptic_operations", "neuron_accesses", "neuron_updates", "neuron_spikes")
        for unit in (1, 2)
    }
    return TileEvents(**fields, of_units=of_units)


def stacked(tile: TileParameters, tiles: int = 2) -> dict[str, np.ndarray]:
    """Return the constants of a tile; units that it lacks cost nothing."""
    numbers = {of_unit(name, unit): 0.0 for name in tile.constants() for unit in range(3)}
    return {name: np.full(tiles, value) for name, value in (numbers | tile.constants()).items()}


def total_energy(tile: TileParameters, events: TileEvents) -> float:
    with jax.enable_x64(True):
        return float(sum(np.sum(e) for e in tile.price(events, stacked(tile)).energy_j.values()))


@pytest.mark.parametrize("kind", TILE_KINDS)
def test_kind_names_itself_and_has_a_preset(kind: str) -> None:
    assert TILE_KINDS[kind].model_fields["kind"].default == kind
    assert any(preset(name).kind == kind for name in PRESETS)


def test_spec_is_told_apart_by_kind() -> None:
    with pytest.raises(ValidationError, match="kind"):
        TypeAdapter(TileSpec).validate_python({"kind": "abacus"})


@pytest.mark.parametrize("name", PRESETS)
def test_cost_has_the_shape_of_the_events_and_is_finite(name: str) -> None:
    tile = preset(name)
    with jax.enable_x64(True):
        cost = jax.jit(tile.price)(some_events(), stacked(tile))
    for values in map(np.asarray, (*cost.energy_j.values(), cost.busy_s)):
        assert values.shape == (3, 2)
        assert values.dtype == np.float64
        assert np.isfinite(values).all()
        assert (values >= 0).all()


@pytest.mark.parametrize("name", PRESETS)
def test_no_events_cost_nothing(name: str) -> None:
    tile = preset(name)
    nothing = TileEvents(*(np.zeros((1, 1), np.int64) for _ in EVENT_NAMES))
    cost = tile.price(nothing, stacked(tile, 1))
    assert all(np.all(np.asarray(energy) == 0) for energy in cost.energy_j.values())
    assert np.all(np.asarray(cost.busy_s) == 0)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("field", EVENT_NAMES)
def test_more_events_never_cost_less(name: str, field: str) -> None:
    tile, events = preset(name), some_events()
    more = events._replace(**{field: getattr(events, field) + 7})
    with jax.enable_x64(True):
        before, after = (tile.price(e, stacked(tile)) for e in (events, more))
    assert np.all(np.asarray(after.busy_s) >= np.asarray(before.busy_s))
    total = [sum(np.asarray(e) for e in cost.energy_j.values()) for cost in (before, after)]
    assert np.all(total[1] >= total[0])


@pytest.mark.parametrize("name", PRESETS)
def test_dearer_constants_never_cost_less(name: str) -> None:
    tile, events = preset(name), some_events()
    for constant, value in tile.constants().items():
        if not constant.startswith(("energy_j", "sram_energy_j", "time_s", "access_latency_s")):
            continue
        if constant == "energy_j_per_gated_mac":
            continue
        # A second more is felt whatever else works at the same time.
        more = 1.0 if "time_s" in constant or "latency_s" in constant else 1e-12
        dearer = stacked(tile) | {constant: np.full(2, value * 2 + more)}
        with jax.enable_x64(True):
            before, after = tile.price(events, stacked(tile)), tile.price(events, dearer)
        gains = [
            np.sum(np.asarray(after.energy_j[key]) - np.asarray(before.energy_j[key]))
            for key in before.energy_j
        ]
        assert min(gains) >= 0
        assert sum(gains) + np.sum(np.asarray(after.busy_s - before.busy_s)) > 0, constant


@pytest.mark.parametrize("name", PRESETS)
def test_gradient_in_an_energy_is_the_number_of_its_events(name: str) -> None:
    """Energies are linear in their constants, so a difference quotient is exact."""
    tile, events = preset(name), some_events()

    def energy(p: dict[str, jax.Array]) -> jax.Array:
        return sum(jnp.sum(e) for e in tile.price(events, p).energy_j.values())

    with jax.enable_x64(True):
        p = {key: jnp.asarray(value) for key, value in stacked(tile).items()}
        gradient = jax.grad(energy)(p)
        for key, value in p.items():
            if not key.startswith("energy_j"):
                continue
            quotient = energy(p | {key: value + 1.0}) - energy(p)
            np.testing.assert_allclose(np.sum(gradient[key]), quotient, rtol=1e-9)


@pytest.mark.parametrize("name", PRESETS)
def test_vmap_over_constants_equals_a_loop(name: str) -> None:
    tile, events = preset(name), some_events()
    factors = np.array([0.5, 1.0, 3.0])
    with jax.enable_x64(True):
        many = {key: factors[:, None] * value for key, value in stacked(tile).items()}
        together = jax.vmap(lambda p: tile.price(events, p))(many)
        for number in range(3):
            alone = tile.price(events, {key: value[number] for key, value in many.items()})
            np.testing.assert_allclose(together.busy_s[number], alone.busy_s, rtol=1e-12)
            for key, energy in alone.energy_j.items():
                np.testing.assert_allclose(together.energy_j[key][number], energy, rtol=1e-12)


def test_constants_have_the_same_names_with_and_without_limits() -> None:
    tile = preset("loihi1")
    free = tile.model_copy(update={"fan_in": None, "fan_out": None})
    assert tile.constants().keys() == free.constants().keys()
    assert tile.constants()["energy_j_per_synaptic_op"] == pytest.approx(23.6e-12, rel=1e-9, abs=0)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(1, 600), st.integers(1, 300), st.integers(1, 8), st.integers(1, 2))
def test_crossbar_blocks_hold_every_weight_in_whole_arrays(
    rows: int, columns: int, weight_bits: int, differential: int
) -> None:
    tile = Crossbar.model_construct(
        array_rows=64,
        array_columns=48,
        cell_bits=3,
        weight_bits=weight_bits,
        differential_columns=differential,
    )
    down, along = tile.blocks(rows, columns)
    cells = columns * differential * len(range(0, weight_bits, 3))
    assert (down - 1) * 64 < rows <= down * 64
    assert (along - 1) * 48 < cells <= along * 48


def test_dense_cycles_of_one_fold_and_many() -> None:
    npu = Npu.model_construct(array_rows=4, array_columns=3)
    assert npu.dense_cycles(4, 3, 10) == 2 * 4 + 3 + 10 - 2
    assert npu.dense_cycles(5, 3, 10) == 2 * npu.dense_cycles(4, 3, 10)
    assert npu.dense_cycles(5, 4, 10, groups=3) == 12 * npu.dense_cycles(4, 3, 10)


def test_zero_gating_saves_energy_but_no_time() -> None:
    plain = preset("simba_npu")
    gated = plain.model_copy(update={"zero_gating": True, "energy_j_per_gated_mac": 0.0})
    events = some_events()
    saved = total_energy(plain, events) - total_energy(gated, events)
    silent = np.sum(events.dense_operations - events.synaptic_operations)
    assert saved == pytest.approx(float(silent) * 0.22e-12)
    assert np.array_equal(
        plain.cost(events, stacked(plain)).busy_s, gated.cost(events, stacked(gated)).busy_s
    )


def test_truenorth_reproduces_its_published_power() -> None:
    """72 mW with 4,096 cores of 256 neurons at 20 Hz, 128 synapses and 21 + 21 hops."""
    core = preset("truenorth")
    neurons, spikes = 4096 * 256, 4096 * 256 * 20
    events = TileEvents(
        synaptic_operations=np.array([[spikes * 128]]),
        neuron_updates=np.array([[neurons * 1000]]),
    )
    with jax.enable_x64(True):
        energy = core.cost(events, stacked(core, 1)).energy_j
    hops_j = spikes * 42 * 2.3e-12
    power_w = sum(float(np.sum(e)) for e in energy.values()) + hops_j + 4096 * core.static_power_w
    assert power_w == pytest.approx(72e-3, rel=2e-3)
    assert power_w / (spikes * 128) == pytest.approx(26e-12, rel=0.05, abs=0)


def test_hermes_reproduces_its_published_efficiency() -> None:
    """A full read of one core: 131,072 operations at 9.76 TOPS/W, 63.1 TOPS of 64 cores."""
    tile = preset("hermes_crossbar")
    events = TileEvents(
        row_activations=np.array([[256]]),
        synaptic_operations=np.array([[256 * 256]]),
        array_reads=np.array([[1]]),
        column_reads=np.array([[256]]),
        position_reads=np.array([[1]]),
    )
    with jax.enable_x64(True):
        cost = tile.price(events, stacked(tile, 1))
    energy_j = sum(float(np.sum(e)) for e in cost.energy_j.values())
    assert 131072 / energy_j == pytest.approx(9.76e12, rel=0.02, abs=0)
    assert 64 * 131072 / float(cost.busy_s[0, 0]) == pytest.approx(63.1e12, rel=0.01)


def test_isaac_reproduces_its_published_rate() -> None:
    """128 columns at 1.28 GS/s sweep in the 100 ns of a read, which hides all sweeps but one."""
    tile = preset("isaac_crossbar")
    reads = np.array([[0], [1], [1000]])
    with jax.enable_x64(True):
        busy_s = tile.price(TileEvents(position_reads=reads), stacked(tile, 1)).busy_s
    np.testing.assert_allclose(busy_s[:, 0], [0.0, 200e-9, 1001 * 100e-9], rtol=1e-12)


@pytest.mark.parametrize(("read_ns", "conversion_ns"), [(30, 2), (3, 2), (16, 1)])
def test_crossbar_time_is_that_of_a_pipeline_of_two_stages(
    read_ns: int, conversion_ns: int
) -> None:
    """Reads and sweeps moved one by one: each stage takes the next when it is free."""
    tile = preset("isaac_crossbar").model_copy(
        update={
            "adcs_per_array": 8,
            "time_s_per_read": read_ns * 1e-9,
            "time_s_per_conversion": conversion_ns * 1e-9,
        }
    )
    array_free = converters_free = 0
    for _ in range(7):
        array_free += read_ns
        converters_free = max(array_free, converters_free) + 128 // 8 * conversion_ns
    with jax.enable_x64(True):
        events = TileEvents(position_reads=np.array([[7]]))
        busy_s = tile.price(events, stacked(tile, 1)).busy_s
    np.testing.assert_allclose(busy_s, [[converters_free * 1e-9]], rtol=1e-12)
