"""Well-known networks as graphs of layers with exact counts and no weights.

`MODELS` holds every named size and `build_model` builds one; a generator with other
hyper-parameters lives in the file of its family. To add a family, write one such file with
its table of sizes and the source of each, and add a line to ``registry.MODELS``.
"""

from chipletsim.models.model import Kind, Layer, Model, Signal
from chipletsim.models.operations import Operations, operations
from chipletsim.models.registry import MODELS, build_model

__all__ = [
    "MODELS",
    "Kind",
    "Layer",
    "Model",
    "Operations",
    "Signal",
    "build_model",
    "operations",
]
