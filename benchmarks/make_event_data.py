"""Write the event recordings of the example: a bar that moves over 16 x 16 pixels.

    python -m benchmarks.make_event_data [--out configs/data/moving_bar.npz]

The bar is 3 pixels wide and moves by one pixel every 2 ms, right, left, down and up. At its front
pixels get brighter and send on events, behind it they get darker and send off events, each 20 us
after its neighbour.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

DATA_FILE = Path(__file__).parents[1] / "configs" / "data" / "moving_bar.npz"
SIZE, WIDTH = 16, 3
MOVE_US, NEIGHBOUR_US = 2000, 20


def recording(direction: int, first: int, last: int) -> np.ndarray:
    """Return int64 [events, 4]: t, x, y and p of a bar, in the order of their times.

    Args:
        direction: 0 right, 1 left, 2 down, 3 up.
        first: First pixel along the bar.
        last: The one behind its last pixel.
    """
    events = []
    for move in range(SIZE + WIDTH):
        for place, polarity in ((move, 1), (move - WIDTH, 0)):
            if not 0 <= place < SIZE:
                continue
            across = SIZE - 1 - place if direction in (1, 3) else place
            for number, along in enumerate(range(first, last)):
                x, y = (across, along) if direction < 2 else (along, across)
                events.append((MOVE_US * move + NEIGHBOUR_US * number, x, y, polarity))
    return np.array(sorted(events), np.int64)


def write_data(path: Path) -> int:
    """Write two bars for each direction, and return how many events they have."""
    bars = [(direction, *ends) for direction in range(4) for ends in ((0, 9), (5, 16))]
    parts = [recording(*bar) for bar in bars]
    t, x, y, p = np.concatenate(parts).T
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        t=t.astype(np.uint32),
        x=x.astype(np.uint8),
        y=y.astype(np.uint8),
        p=p.astype(np.bool_),
        sample=np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part) for part in parts]),
        size=np.array([SIZE, SIZE], np.uint8),
    )
    return len(t)


def main() -> None:
    """Write the data file of the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DATA_FILE, help="file to write")
    path = parser.parse_args().out
    events = write_data(path)
    print(f"{path}: {events:,} events, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
