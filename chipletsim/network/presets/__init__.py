"""How frameworks step the neurons of a NIR file; one file for each framework."""

from chipletsim.network.presets.base import Neuron, Options, Preset, Reading, Writing
from chipletsim.network.presets.euler import EULER
from chipletsim.network.presets.exact import EXACT
from chipletsim.network.presets.lava_dl import LAVA_DL
from chipletsim.network.presets.norse import NORSE
from chipletsim.network.presets.norse_import import NORSE_IMPORT
from chipletsim.network.presets.rockpool import ROCKPOOL
from chipletsim.network.presets.sinabs import SINABS
from chipletsim.network.presets.snntorch import SNNTORCH
from chipletsim.network.presets.spikingjelly import SPIKINGJELLY
from chipletsim.network.presets.spyx import SPYX

_ALL = (
    EULER, EXACT, SNNTORCH, NORSE, NORSE_IMPORT, SINABS, SPYX, ROCKPOOL, SPIKINGJELLY,
    LAVA_DL,
)  # fmt: skip
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}

__all__ = ["PRESETS", "Neuron", "Options", "Preset", "Reading", "Writing"]
