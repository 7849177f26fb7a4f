"""The tiny experiment of the golden run is swept here, too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "run"))
