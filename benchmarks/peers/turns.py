"""Taking turns with chipletsim: what the scripts of this folder call before each timed run.

Whatever else the machine does in the meantime then falls on both sides alike.
"""

import sys

TURN = "<your turn>"
"""Line that gives the turn to whoever started the script; a line of theirs gives it back."""


def wait_for_turn() -> None:
    """Return once the other side has had its turn; at once where a user started the script."""
    if sys.stdin.isatty():
        return
    print(f"\n{TURN}", flush=True)
    sys.stdin.readline()
