"""``chipletsim list``: the names that files and flags can take."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from itertools import takewhile
from textwrap import shorten
from typing import Annotated, Any, get_args

import typer

from chipletsim.cli.options import Json, example
from chipletsim.cli.output import line, show_json
from chipletsim.errors import UsageError

Names = dict[str, str]
MAX_ABOUT = 120
PRESET_FOLDERS = ("tiles", "links", "routers", "devices", "fabrics")
EXAMPLE_FOLDERS = ("packages", "networks", "experiments", "sweeps", "training")

Kind = Annotated[
    str | None, typer.Argument(metavar="KIND", help="What to list; the kinds if left out.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "list", epilog=example("chipletsim list presets", "chipletsim list neurons --json")
    )(list_names)


def list_names(kind: Kind = None, as_json: Json = False) -> None:
    """List names to choose from.

    Without KIND, says what there is to list.
    """
    if kind is None:
        names = {name: _first_line(function) for name, function in KINDS.items()}
    elif kind in KINDS:
        names = KINDS[kind]()
    else:
        close = get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"nothing to list called {kind!r}{hint}; there are: {', '.join(KINDS)}")
    if as_json:
        show_json(names)
        return
    width = max(map(len, names), default=0)
    for name, about in names.items():
        line(f"{name:<{width}}  {about}".rstrip())


def _first_line(thing: Any) -> str:
    """Return the first line of a docstring."""
    return (getattr(thing, "__doc__", None) or "").strip().split("\n")[0]


def _partitioners() -> Names:
    """Strategies of the mapping."""
    from chipletsim.mapping.strategies import PARTITIONERS

    return {name: _first_line(function) for name, function in PARTITIONERS.items()}


def _topologies() -> Names:
    """Topologies of networks on chips and in packages."""
    from chipletsim.spec.package import TopologyName

    return dict.fromkeys(get_args(TopologyName), "")


def _tile_kinds() -> Names:
    """Kinds of tiles."""
    from chipletsim.tiles import TILE_KINDS

    return {name: _first_line(kind) for name, kind in TILE_KINDS.items()}


def _neurons() -> Names:
    """Neuron models, dense layers, encoders and decoders, with their parameters."""
    from chipletsim.network.neurons import NEURON_MODELS

    return {
        name: f"{model.role}: {', '.join(model.parameters) or 'no parameters'}"
        for name, model in NEURON_MODELS.items()
    }


def _timing() -> Names:
    """Timing models of the network."""
    from chipletsim.noc import TIMING_MODELS

    return dict(TIMING_MODELS)


def _encodings() -> Names:
    """Ways to turn values of a dataset into spikes."""
    from chipletsim.spec.experiment import Encoding
    from chipletsim.spec.trace import members, tags

    return {tags(kind)[0]: _first_line(kind) for kind in members(Encoding)}


def _models() -> Names:
    """Known networks as graphs of layers, for `deploy` and `baseline`."""
    from chipletsim.models import MODELS, build_model

    built = {name: build_model(name) for name in MODELS}
    return {
        name: f"{model.family}, {model.parameters:,} parameters, {model.macs:,} MACs"
        for name, model in built.items()
    }


def _presets() -> Names:
    """Shipped tiles, links, routers, devices and fabrics, for `use`; ways to step a NIR file."""
    from chipletsim.spec.nir import NIR_PRESETS

    ways = {name: f"NIR preset: {about}" for name, about in NIR_PRESETS.items()}
    return _shipped(PRESET_FOLDERS) | ways


def _examples() -> Names:
    """Shipped packages, networks, experiments, sweeps and trainings, to copy or to run."""
    return _shipped(EXAMPLE_FOLDERS)


def _shipped(folders: tuple[str, ...]) -> Names:
    from chipletsim.spec.resolve import preset_names, shipped_configs

    root = shipped_configs()
    return {
        name: _comment(root.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
        for folder in folders
        for name in preset_names(folder)
    }


def _comment(text: str) -> str:
    """Return the first sentence of the comment at the top of a file."""
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    sentence = re.split(r"(?<=\.) |: ", " ".join(line.lstrip("# ") for line in lines), maxsplit=1)[
        0
    ]
    return shorten(sentence, MAX_ABOUT)


KINDS: dict[str, Callable[[], Names]] = {
    "partitioners": _partitioners,
    "topologies": _topologies,
    "tile-kinds": _tile_kinds,
    "neurons": _neurons,
    "models": _models,
    "timing": _timing,
    "encodings": _encodings,
    "presets": _presets,
    "examples": _examples,
}
