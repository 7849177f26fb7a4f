"""Llama 3 70B on a thousand chiplets: sizes by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.deployment.signals import KINDS, PARTIAL_SUMS, VALUES
from chipletsim.models import build_model

pytestmark = pytest.mark.usefixtures("quick_programs")

STAGES, TILES, BITS = 16, 64, 8
D, KV, FF, VOCAB, LAYERS, CONTEXT = 8192, 1024, 28672, 128256, 80, 4096
BLOCK = 2 * D * D + 2 * D * KV + 3 * D * FF + 2 * D
TABLE = VOCAB * D
HEAD_CACHE_BITS = 2 * 128 * CONTEXT * BITS
"""Keys and values of one of the eight heads of keys, for all tokens of the context."""


@cache
def package(memory: str = "96 MiB"):
    kind = "chiplet_types.npu.tiles.0.tile.synaptic_memory"
    return cs.load_package("packages/thousand_chiplets", {kind: memory})


@cache
def deployed(memory: str = "96 MiB"):
    model = build_model("llama3_70b", tokens=1, context=CONTEXT)
    return cs.deploy(model, package(memory), cs.Plan(stages=STAGES))


def blocks_of(stage) -> int:
    return sum(layer.name.endswith(".down") for layer in stage.layers)


def stage_numbers(stage) -> int:
    names = {layer.name for layer in stage.layers}
    head = (TABLE + D) * ("lm_head" in names)
    return blocks_of(stage) * BLOCK + TABLE * ("embed_tokens" in names) + head


def test_all_weights_and_the_cache_fit() -> None:
    result = deployed()
    assert sum(blocks_of(stage) for stage in result.layout.stages) == LAYERS
    kept = sum(int(bits.sum()) for bits in result.residence.weights.values())
    assert kept == BITS * (LAYERS * BLOCK + 2 * TABLE + D) == BITS * 70_553_706_496
    assert result.residence.bits_away == 0
    assert result.memory_bits == 0
    assert all(len(stage.tiles) == TILES for stage in result.layout.stages)


def test_the_greatest_stage_is_as_small_as_it_can_be() -> None:
    """82 blocks in 16 stages: one has at least six of them, so six layers are the least."""
    loads = [stage_numbers(stage) for stage in deployed().layout.stages]
    assert max(loads) == 6 * BLOCK
    assert sum(loads) == 70_553_706_496


def test_what_does_not_fit_streams() -> None:
    """Shares of all 64 tiles are equal; each has one head of keys, eight tiles the same one."""
    room = 500_000_000
    result = deployed("500 Mb")
    missing = 0
    for stage in result.layout.stages:
        here = stage_numbers(stage) * BITS // TILES + blocks_of(stage) * HEAD_CACHE_BITS
        missing += TILES * max(0, here - room)
    assert result.residence.bits_away == missing > 0
    assert result.memory_bits >= missing * (1 - 1e-9) - TABLE * BITS  # a table streams rows alone
    assert result.latency_s > deployed().latency_s


def test_partial_sums_are_reduced_twice_a_block() -> None:
    """Each of 64 tiles sends 63 of 64 shares of 8,192 sums of 32 bits, twice in 80 blocks."""
    result = deployed()
    moved, rows = result.schedule.transfers, result.schedule.rows
    times = np.array([row.times for row in rows], float)
    payload = moved.packets * (moved.packet_bits - 8) * times[moved.row]
    of_kind = {kind: payload[moved.kind == number].sum() for number, kind in enumerate(KINDS)}
    assert of_kind[PARTIAL_SUMS] == pytest.approx(2 * LAYERS * 63 * D * 32)
    # Gathered: what the q and gate matrices read, and the head, with 8 bits; a token of 32.
    gathered = (2 * LAYERS + 1) * 63 * D * 8 + 63 * 32
    phases = np.array([row.phase for row in rows])[moved.row]
    chosen = (moved.kind == KINDS.index(VALUES)) & (phases == "gather")
    assert payload[chosen].sum() == pytest.approx(gathered)


def test_all_products_are_made() -> None:
    result = deployed()
    due = BLOCK - 2 * D
    attention = 2 * CONTEXT * D
    macs = LAYERS * (due + attention) + TABLE
    assert result.events("dense_operations").sum() == pytest.approx(macs)
    assert result.model.macs_one_step == macs


def test_it_prints_and_serialises() -> None:
    import json

    result = deployed()
    text = str(result)
    assert "llama3_70b on thousand_chiplets" in text
    assert "dearest boundary" in text
    assert len(json.dumps(result.to_dict(), allow_nan=False)) > 10_000
