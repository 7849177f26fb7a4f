"""Reading traces back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Shown(NamedTuple):
    """A span, or a message from its begin to its end; times in nanoseconds."""

    name: str
    tile: str
    start: float
    end: float
    step: int
    facts: dict


class Trace:
    """A trace whose times never fall, and whose tracks hold no two spans at once.

    Attributes:
        facts: What holds of all of it.
        steps: The hardware steps.
        spans: What tiles do.
        messages: What is on its way; the tile is the one that sent it.
        percent: Link to (time in ns, percent) from when on it is so busy.
        events: How many events there are.
        end: End of the last event, in ns.
    """

    def __init__(self, path: Path) -> None:
        read = json.loads(path.read_text())
        events = read["traceEvents"]
        self.facts = read["otherData"]
        names = {
            (each["pid"], each["tid"]): each["args"]["name"]
            for each in events
            if each["name"] == "thread_name"
        }
        told = [each for each in events if each["ph"] != "M"]
        times = [each["ts"] for each in told]
        assert times == sorted(times)
        self.events = len(told)
        self.end = 1000 * max((each["ts"] + each.get("dur", 0.0) for each in told), default=0.0)
        self.steps: list[Shown] = []
        self.spans: list[Shown] = []
        self.messages: list[Shown] = []
        self.percent: dict[str, list[tuple[float, int]]] = {}
        begun: dict[int, dict] = {}
        for each in told:
            if each["ph"] == "X":
                tile = names[each["pid"], each["tid"]]
                into = self.steps if tile == "hardware steps" else self.spans
                into.append(_shown(each, tile, each["ts"] + each["dur"]))
            elif each["ph"] == "b":
                begun[each["id"]] = each
            elif each["ph"] == "e":
                first = begun.pop(each["id"])
                self.messages.append(_shown(first, first["args"]["from"], each["ts"]))
            elif "percent" in each["args"]:
                changes = self.percent.setdefault(each["name"], [])
                changes.append((1000 * each["ts"], each["args"]["percent"]))
        assert not begun
        tracks: dict[tuple, float] = {}
        for each in told:
            if each["ph"] == "X":
                track = each["pid"], each["tid"]
                assert each["ts"] >= tracks.get(track, 0.0) - 1e-9, "spans of a track overlap"
                tracks[track] = each["ts"] + each["dur"]

    def of(self, tile: str, doing: str) -> list[tuple[int, float, float]]:
        """Return step, start and end of what a tile does of a kind."""
        chosen = [each for each in self.spans if each.tile == tile and each.name.startswith(doing)]
        return [(each.step, each.start, each.end) for each in chosen]

    def work(self) -> dict[tuple[str, str], float]:
        """Return (tile, what it does) to how long it does it, in ns; without what is not work."""
        found: dict[tuple[str, str], float] = {}
        for each in self.spans:
            doing = each.name.split(",")[0]
            if doing != "blocked":
                key = each.tile, doing
                found[key] = found.get(key, 0.0) + each.end - each.start
        return found


def _shown(event: dict, tile: str, end: float) -> Shown:
    facts = event["args"]
    return Shown(event["name"], tile, 1000 * event["ts"], 1000 * end, facts["hardware_step"], facts)
