"""Run a benchmark: ``python -m benchmarks NAME [--quick] [--json FILE]``; no name lists them."""

from __future__ import annotations

import argparse
import ast
from importlib import import_module
from pathlib import Path

from benchmarks.harness import report


def benchmarks() -> dict[str, str]:
    """Return the modules here that hold a benchmark, with the first line of their text."""
    found = {}
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("*.py")), *sorted(folder.glob("fidelity/*.py"))]:
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "rows" for node in tree.body):
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            found[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def main() -> None:
    """Run the benchmark that the command line names, or list all."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(known), help="which to run")
    parser.add_argument("--quick", action="store_true", help="small cases, in under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    arguments = parser.parse_args()
    if arguments.name is None:
        width = max(map(len, known), default=0)
        print("\n".join(f"{name:{width}}  {text}" for name, text in known.items()))
        return
    rows = import_module(f"benchmarks.{arguments.name}").rows(quick=arguments.quick)
    report(arguments.name, rows, arguments.json)


if __name__ == "__main__":
    main()
