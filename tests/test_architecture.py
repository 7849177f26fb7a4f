"""The folder listing is the architecture: imports point one way, JAX stays where it belongs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "chipletsim"

# Rooms in the order of the flow of data. A module may import from its own room and from
# earlier ones. `spec.base` stands before `tiles` because a tile kind is a section of a file.
FLOW = [
    "errors", "units", "tables", "whole_files", "spec.base", "tiles", "codecs", "spec", "package",
    "network", "models", "mapping",
    "engine", "noc", "exchange", "cost", "baseline", "measure", "deployment", "hybrid", "training",
    "report", "inputs", "stages", "evaluation", "run", "sweep", "training_runs", "__init__", "cli",
]  # fmt: skip
MAY_IMPORT_JAX = {
    "engine", "noc", "cost", "deployment", "measure", "training", "tiles", "cli",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def dotted(path: Path) -> str:
    relative = path.relative_to(ROOT).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"] or ["__init__"]
    return ".".join(parts)


def room(module: str) -> int:
    parts = module.split(".")
    for length in (2, 1):
        if (candidate := ".".join(parts[:length])) in FLOW:
            return FLOW.index(candidate)
    pytest.fail(f"{module} is in no room; add it to FLOW where the flow of data passes")


def imports(path: Path) -> list[tuple[ast.stmt, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [(node, node.module if node.level == 0 else "")] + [
                (node, name) for name in names if name.startswith("chipletsim.")
            ]
    return found


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_one_way(path: Path) -> None:
    own = dotted(path)
    for node, name in imports(path):
        if not name.startswith("chipletsim."):
            continue
        target = name.removeprefix("chipletsim.")
        if target.split(".")[0] in {"configs", "kernels"} or own == "__init__":
            continue
        assert room(target) <= room(own), f"{own}:{node.lineno} imports {name}, later in the flow"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_jax_is_imported_only_where_it_computes(path: Path) -> None:
    own = dotted(path).split(".")[0]
    for node, name in imports(path):
        if name.split(".")[0] in {"jax", "jaxlib"}:
            assert own in MAY_IMPORT_JAX, f"{dotted(path)}:{node.lineno} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_files_stay_readable(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 500, f"{dotted(path)} has {lines} lines; split it by what it is about"
