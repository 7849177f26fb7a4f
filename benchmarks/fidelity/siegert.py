"""Mean-field theory of Brunel's network: Siegert's rate of a neuron under white noise.

Brunel, J. Comput. Neurosci. 8, 183-208 (2000), equations 4 to 6 and 21 (recalled): a neuron that
gets mean input mu with fluctuations sigma fires at rate nu, with
``1 / nu = tau_rp + tau sqrt(pi) int_{(v_reset - mu) / sigma}^{(theta - mu) / sigma}
exp(u^2) (1 + erf(u)) du``, and in a stationary state nu is also the rate of its inputs:
``mu = C J tau (nu_ext + nu (1 - gamma g))``, ``sigma^2 = C J^2 tau (nu_ext + nu (1 + gamma
g^2))``.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx

TAU_S, REFRACTORY_S, THETA_V, RESET_V, J_V = 20e-3, 2e-3, 20e-3, 10e-3, 1e-4
SYNAPSES, GAMMA = 1000, 0.25


def siegert_rate_hz(mu_v: float, sigma_v: float) -> float:
    """Return the firing rate of a leaky neuron under white noise.

    Args:
        mu_v: Mean of the membrane without a threshold.
        sigma_v: Standard deviation of its input, sqrt(2) times that of the membrane.
    """
    low, high = (RESET_V - mu_v) / sigma_v, (THETA_V - mu_v) / sigma_v
    # exp(u^2) (1 + erf(u)) = erfcx(-u), which does not overflow for u < 0.
    area, _ = quad(lambda u: erfcx(-u), low, high, epsabs=0, epsrel=1e-9, limit=500)
    return 1 / (REFRACTORY_S + TAU_S * sqrt(pi) * area)


def siegert_cv(mu_v: float, sigma_v: float) -> float:
    """Return the coefficient of variation of the intervals of that neuron.

    ``CV^2 = 2 pi (nu tau)^2 int_{y_r}^{y_theta} exp(x^2) int_{-inf}^x exp(y^2) (1 + erf(y))^2
    dy dx`` (Brunel 2000, appendix A.1, recalled).
    """
    low, high = (RESET_V - mu_v) / sigma_v, (THETA_V - mu_v) / sigma_v
    nodes = np.linspace(min(low, -12.0) - 1, high, 200_001)
    inner = np.exp(-(nodes**2)) * erfcx(-nodes) ** 2  # exp(y^2) (1 + erf y)^2
    step = nodes[1] - nodes[0]
    below = np.concatenate([[0.0], np.cumsum((inner[1:] + inner[:-1]) / 2) * step])
    outer = np.where(nodes >= low, np.exp(nodes**2) * below, 0.0)
    area = float(((outer[1:] + outer[:-1]) / 2).sum() * step)
    return sqrt(2 * pi * area) * siegert_rate_hz(mu_v, sigma_v) * TAU_S


def brunel_input(
    g: float, ratio: float, rate_hz: float, synapses: int = SYNAPSES
) -> tuple[float, float]:
    """Return mean and fluctuations in volts of the input of a neuron in his network.

    Args:
        g: Inhibitory over excitatory weight.
        ratio: External rate over that which alone reaches the threshold on average.
        rate_hz: Rate of all neurons.
        synapses: Excitatory synapses of a neuron; weights are such that their sum stays.
    """
    total_v = J_V * SYNAPSES
    external_hz = ratio * THETA_V / (total_v * TAU_S)
    mean = total_v * TAU_S * (external_hz + rate_hz * (1 - GAMMA * g))
    variance = total_v**2 / synapses * TAU_S * (external_hz + rate_hz * (1 + GAMMA * g * g))
    return mean, sqrt(variance)


def brunel_rate_hz(g: float, ratio: float, synapses: int = SYNAPSES) -> float:
    """Return the rate of his network's stationary state, the highest where there are several.

    Args:
        g: As for `brunel_input`.
        ratio: As for `brunel_input`.
        synapses: As for `brunel_input`.
    """

    def excess(rate_hz: float) -> float:
        return siegert_rate_hz(*brunel_input(g, ratio, rate_hz, synapses)) - rate_hz

    rates = np.geomspace(0.01, 1 / REFRACTORY_S, 200)[::-1]
    values = [excess(rate) for rate in rates]
    for (high, above), (low, below) in zip(
        zip(rates, values, strict=True), zip(rates[1:], values[1:], strict=True), strict=False
    ):
        if above <= 0 < below:
            return float(brentq(excess, low, high, xtol=1e-6))
    raise ValueError(f"no stationary rate at g = {g:g}, nu_ext = {ratio:g} nu_thr")
