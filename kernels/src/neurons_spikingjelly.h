// Neuron models of SpikingJelly: chipletsim/network/neurons/spikingjelly.py.
//
// They spike where the membrane reaches the threshold, and are reset in the same step.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

template <bool uniform>
struct Reaching {
  Constant<uniform> threshold, reset;
  explicit Reaching(const float* const* constants) : threshold(constants[0]), reset(constants[1]) {}
  M8 operator()(int64_t j, F8& v) const {
    const M8 spike = v >= threshold[j];
    v = spike ? reset[j] : v;
    return spike;
  }
};

// IFNode
template <bool uniform>
struct JellyIf : Spiking {
  static constexpr int kStates = 1;
  Reaching<uniform> firing;
  explicit JellyIf(const NeuronArrays& n) : firing(&n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = state[0] + current;
    return firing(j, state[0]);
  }
};

// LIFNode divides by its time constant, ParametricLIFNode multiplies by a rate; either of the
// input and the membrane together, or of the membrane alone.
template <bool uniform, bool divides, bool whole_input>
struct JellyLif : Spiking {
  static constexpr int kStates = 1;
  Constant<uniform> factor;
  Reaching<uniform> firing;
  explicit JellyLif(const NeuronArrays& n) : factor(n.constant[0]), firing(&n.constant[1]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 v = state[0], above = v - firing.reset[j];
    if constexpr (whole_input) {
      const F8 lost = divides ? above / factor[j] : above * factor[j];
      const F8 left = v - lost;
      state[0] = left + current;
    } else {
      const F8 drive = current - above;
      const F8 change = divides ? drive / factor[j] : drive * factor[j];
      state[0] = v + change;
    }
    return firing(j, state[0]);
  }
};

// CUBALIFNode
template <bool uniform>
struct JellyCubaLif : Spiking {
  static constexpr int kStates = 2;  // v, i
  Constant<uniform> alpha, beta;
  Reaching<uniform> firing;
  explicit JellyCubaLif(const NeuronArrays& n)
      : alpha(n.constant[0]), beta(n.constant[1]), firing(&n.constant[2]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 carried = alpha[j] * state[1];
    state[1] = carried + current;
    const F8 kept = beta[j] * state[0];
    state[0] = kept + state[1];
    return firing(j, state[0]);
  }
};

}  // namespace chipletsim
