"""NIR's own equations, solved exactly for a current that is constant within a step."""

from __future__ import annotations

from chipletsim.network.presets.base import Preset
from chipletsim.network.presets.euler import reads, writes

# IF and I have no leak: a step of forward Euler is their exact solution.
MODELS = {
    "I": "i",
    "IF": "if",
    "LI": "li_exact",
    "LIF": "lif_exact",
    "CubaLIF": "cubalif_exact",
    "Threshold": "threshold",
}
EXACT = Preset(
    "exact",
    {"export_dt_s": None},
    reads(MODELS),
    writes(MODELS),
)
