"""Checkpoints: whole, of one configuration, and never half-written."""

import numpy as np
import pytest

from chipletsim.errors import ConfigError, UsageError
from chipletsim.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from chipletsim.training.parameters import Parameters


def progress(seed, *, weights=(3, 2)):
    random = np.random.default_rng(seed)

    def parameters():
        weight = random.normal(size=weights).astype(np.float32)
        log = random.normal(size=3).astype(np.float32)
        return Parameters(({"weight": weight}, {}), {"cells": log}, {})

    optimiser = (np.int32(seed), {"mu": parameters()})
    return Progress(
        parameters(), optimiser, parameters(), random.bit_generator.state, random.random((2, 12))
    )


def test_what_is_kept_comes_back(tmp_path):
    path, kept = tmp_path / "checkpoint.npz", progress(5)
    save_checkpoint(path, kept, "abc")
    found = load_checkpoint(path, progress(6), "abc")
    ours, theirs = found.parameters.synapses[0], kept.parameters.synapses[0]
    np.testing.assert_array_equal(ours["weight"], theirs["weight"])
    np.testing.assert_array_equal(
        found.optimiser[1]["mu"].threshold_logs["cells"],
        kept.optimiser[1]["mu"].threshold_logs["cells"],
    )
    np.testing.assert_array_equal(found.best.synapses[0]["weight"], kept.best.synapses[0]["weight"])
    assert found.optimiser[0] == 5
    assert found.epoch == 2
    np.testing.assert_array_equal(found.history, kept.history)
    draws = []
    for each in (found, kept):
        generator = np.random.Generator(np.random.PCG64())
        generator.bit_generator.state = each.random
        draws.append(generator.random(4))
    np.testing.assert_array_equal(*draws)


def test_of_another_configuration_it_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, progress(0), "a" * 64)
    with pytest.raises(UsageError, match=r"is of another configuration \(aaaaaaaa, not bbbbbbbb\)"):
        load_checkpoint(path, progress(0), "b" * 64)


def test_of_another_shape_or_damaged_it_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, progress(0), "abc")
    with pytest.raises(ConfigError, match="other shapes"):
        load_checkpoint(path, progress(0, weights=(2, 2)), "abc")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="cannot be read"):
        load_checkpoint(path, progress(0), "abc")


def test_an_interrupted_write_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, progress(1), "abc")
    before = path.read_bytes()

    def interrupt(file):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, progress(2), "abc")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.npz"]
