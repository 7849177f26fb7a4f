"""Figures: drawn without error for every form of package, with everything inside the frame."""

import numpy as np
import pytest

from chipletsim.package.load import load_package
from chipletsim.report.figures import (
    LinkLoad,
    write_energy_figure,
    write_load_figure,
    write_package_figure,
)
from chipletsim.report.floorplan import floorplan

matplotlib = pytest.importorskip("matplotlib")

LINK = {"bandwidth": "1 Gb/s", "latency": "1 ns", "flit": "8 bit"}
IO = {
    "kind": "io", "neurons": 64, "energy_per_input": "1 pJ/packet",
    "energy_per_output": "1 pJ/packet", "event_rate": "1 Gpacket/s",
}  # fmt: skip


def package(topology: str, shape: list[int], dies: int):
    die = {
        "network": {"topology": topology, "shape": shape, "link": LINK},
        "tiles": [{"tile": IO}],
    }
    contents = {
        "name": topology,
        "packet": {"header": "4 bit", "address": "4 bit"},
        "virtual_channels": 8,
        "chiplet_types": {"die": die},
        "chiplets": {f"d{i}": {"type": "die", "at": [i]} for i in range(dies)},
    }
    if dies > 1:
        contents["network"] = {"topology": "ring", "shape": [dies], "link": LINK}
    return load_package(contents)


@pytest.mark.parametrize(
    ("topology", "shape", "dies"),
    [
        ("mesh", [3, 2], 1),
        ("mesh", [1], 3),
        ("star", [5], 3),
        ("ring", [2], 1),
        ("crossbar", [4], 5),
    ],
)
def test_routers_stand_inside_their_dies_and_apart(topology, shape, dies):
    built = package(topology, shape, dies)
    plan = floorplan(built)
    for router, (x, y) in zip(built.routers, plan.routers, strict=True):
        left, bottom, width, height = plan.dies[router.chiplet]
        assert left < x < left + width
        assert bottom < y < bottom + height
    apart = np.linalg.norm(plan.routers[:, None] - plan.routers[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.99
    for i, a in enumerate(plan.dies):
        for b in plan.dies[:i]:
            beside = a[0] >= b[0] + b[2] or b[0] >= a[0] + a[2]
            above = a[1] >= b[1] + b[3] or b[1] >= a[1] + a[3]
            assert beside or above


@pytest.mark.parametrize("load", [0.0, 1.0, 1e9])
def test_figures_are_drawn_for_any_load(tmp_path, load):
    built = package("mesh", [2, 2], 2)
    bits = np.full(len(built.links), load)
    names = ("d0(1,0)>d1(0,0)",)
    write_package_figure(tmp_path / "p.png", "run", built, bits)
    write_load_figure(tmp_path / "l.png", "run", LinkLoad(names, np.full((1, 5), load)))
    write_load_figure(tmp_path / "n.png", "run", LinkLoad((), np.zeros((0, 5))))
    write_energy_figure(tmp_path / "e.png", "run", {"static": load * 1e-12, "routers": 0.0})
    for file in tmp_path.glob("*.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.glob("*.png"))) == 4


def test_energy_bars_state_value_and_share(tmp_path, monkeypatch):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    write_energy_figure(tmp_path / "e.png", "run", {"static": 3e-6, "routers": 1e-6})
    (axes,) = drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([1.0, 3.0])
    assert axes.get_xlabel() == "energy per inference (uJ)"
    texts = [text.get_text().strip() for text in axes.texts]
    assert texts == ["1 uJ (25.0%)", "3 uJ (75.0%)"]
    canvas = FigureCanvasAgg(drawn[0])
    canvas.draw()
    renderer = canvas.get_renderer()
    frame = drawn[0].bbox
    for text in [*axes.texts, axes.title, *axes.get_yticklabels()]:
        box = text.get_window_extent(renderer)
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
