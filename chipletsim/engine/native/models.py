"""Neuron models that the native kernels know: numbers and order of ``kernels/src/neurons.h``."""

from __future__ import annotations

from typing import NamedTuple


class NativeModel(NamedTuple):
    """How the kernels know a neuron model.

    Attributes:
        number: Its value in ``enum class Model``.
        constants: Names of its constants, in the order of its constructor.
        states: Names of its states; the first is the event of a graded one that does not count.
    """

    number: int
    constants: tuple[str, ...]
    states: tuple[str, ...]


CURRENT = 0
"""The model without state whose event is its current."""

_FIRING = ("v_threshold", "v_reset")
_HELD = (*_FIRING, "hold")
_LEAKY = (("beta", "v_threshold"), ("v",))
_SYNAPTIC = (("beta", "v_threshold", "alpha"), ("v", "i"))
_ALPHA = (("beta", "v_threshold", "alpha", "gain"), ("v", "e", "i"))
_SINABS = (("alpha", "gain", "v_threshold", "v_min", "clips"), ("v",))

MODELS: dict[str, NativeModel] = {
    "current": NativeModel(CURRENT, (), ()),
    "if": NativeModel(1, ("gain", *_FIRING), ("v",)),
    "lif": NativeModel(2, ("dt_over_tau", "r", "v_leak", *_FIRING), ("v",)),
    "cubalif": NativeModel(
        3, ("w_in", "dt_over_tau_syn", "dt_over_tau_mem", "r", "v_leak", *_FIRING), ("v", "i")
    ),
    "li": NativeModel(4, ("dt_over_tau", "r", "v_leak"), ("v",)),
    "i": NativeModel(5, ("gain",), ("v",)),
    "cubali": NativeModel(
        6, ("w_in", "dt_over_tau_syn", "dt_over_tau_mem", "r", "v_leak"), ("v", "i")
    ),
    "threshold": NativeModel(7, ("threshold",), ()),
    # Solved exactly, a membrane closes another share of its distance than in forward Euler.
    "lif_exact": NativeModel(2, ("share", "r", "v_leak", *_FIRING), ("v",)),
    "cubalif_exact": NativeModel(
        8, ("w_in", "share_syn", "share_mem", "r", "v_leak", "overlap", *_FIRING), ("v", "i")
    ),
    "li_exact": NativeModel(4, ("share", "r", "v_leak"), ("v",)),
    "leaky_subtract": NativeModel(9, *_LEAKY),
    "leaky_zero": NativeModel(10, *_LEAKY),
    "leaky_none": NativeModel(11, *_LEAKY),
    "rleaky_zero": NativeModel(12, *_LEAKY),
    "leaky_subtract_now": NativeModel(13, *_LEAKY),
    "leaky_zero_now": NativeModel(14, *_LEAKY),
    "rleaky_zero_now": NativeModel(15, *_LEAKY),
    "synaptic_subtract": NativeModel(16, *_SYNAPTIC),
    "synaptic_zero": NativeModel(17, *_SYNAPTIC),
    "synaptic_none": NativeModel(18, *_SYNAPTIC),
    "synaptic_subtract_now": NativeModel(19, *_SYNAPTIC),
    "synaptic_zero_now": NativeModel(20, *_SYNAPTIC),
    "spyx_lif": NativeModel(21, *_LEAKY),
    "spyx_cubalif": NativeModel(22, *_SYNAPTIC),
    "spyx_psu_lif": NativeModel(11, *_LEAKY),  # which is Leaky without reset
    "spyx_rlif": NativeModel(9, *_LEAKY),  # which is Leaky, a step later in all it receives
    "norse_lif": NativeModel(23, ("dt_tau_inv", "v_leak", *_FIRING), ("v",)),
    "norse_lif_subtract": NativeModel(24, ("dt_tau_inv", "v_leak", "v_threshold"), ("v",)),
    "norse_cubalif": NativeModel(
        25, ("dt_tau_syn_inv", "dt_tau_mem_inv", "v_leak", *_FIRING), ("v", "i")
    ),
    "norse_li": NativeModel(26, ("dt_tau_inv", "v_leak"), ("v",)),
    "norse_if": NativeModel(27, ("v_threshold",), ("v",)),
    "sinabs_subtract_multi": NativeModel(28, *_SINABS),
    "sinabs_zero_multi": NativeModel(29, *_SINABS),
    "sinabs_subtract_single": NativeModel(30, *_SINABS),
    "sinabs_zero_single": NativeModel(31, *_SINABS),
    "sinabs_li": NativeModel(32, ("alpha", "gain"), ("v",)),
    "rockpool_lif": NativeModel(33, *_LEAKY),
    "rockpool_cubalif": NativeModel(34, *_SYNAPTIC),
    "lif_refractory": NativeModel(35, ("decay", "v_leak", *_HELD), ("v", "left")),
    "cuba_exp": NativeModel(
        36,
        (
            *("decay", "v_leak", "gain_excitatory", "gain_inhibitory"),
            *("decay_excitatory", "decay_inhibitory", *_HELD),
        ),
        ("v", "left", "e", "i"),
    ),
    "coba_exp": NativeModel(
        37,
        (
            *("g_leak", "leak_drive", "v_excitatory", "v_inhibitory", "dt_over_c", "dt_over_2c"),
            *("half_excitatory", "half_inhibitory", "decay_excitatory", "decay_inhibitory"),
            *_HELD,
        ),
        ("v", "left", "e", "i"),
    ),
    "alif": NativeModel(
        38, ("rho", "rise", "v_threshold", "beta", "gain", "alpha"), ("v", "b", "z")
    ),
    "izhikevich": NativeModel(39, ("half_dt_ms", "a_dt", "b", "c", "d", "below_peak"), ("v", "u")),
    "alpha_subtract": NativeModel(40, *_ALPHA),
    "alpha_zero": NativeModel(41, *_ALPHA),
    "alpha_none": NativeModel(42, *_ALPHA),
    "spikingjelly_if": NativeModel(43, _FIRING, ("v",)),
    "spikingjelly_lif": NativeModel(44, ("tau_steps", *_FIRING), ("v",)),
    "spikingjelly_lif_whole_input": NativeModel(45, ("tau_steps", *_FIRING), ("v",)),
    "spikingjelly_plif": NativeModel(46, ("rate", *_FIRING), ("v",)),
    "spikingjelly_plif_whole_input": NativeModel(47, ("rate", *_FIRING), ("v",)),
    "spikingjelly_cubalif": NativeModel(48, ("alpha", "beta", *_FIRING), ("v", "i")),
    "lava_cubalif": NativeModel(
        49, ("current_decay", "voltage_decay", "reach", "units"), ("v", "i")
    ),
}
