// Neuron models of snnTorch and Spyx: chipletsim/network/neurons/snntorch.py and spyx.py.
//
// A reset looks at the membrane that the step before has left.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

// Where a reset acts: not at all; minus the threshold; to zero, before the input is added; or
// to zero, and the input of the step is lost.
enum class Reset { kNone, kSubtract, kZeroBefore, kZeroAfter };

// alpha i + current
template <bool uniform>
inline F8 summed(const Constant<uniform>& alpha, int64_t j, F8 i, F8 current) {
  const F8 kept = alpha[j] * i;
  return kept + current;
}

// Leaky and RLeaky, or Synaptic and RSynaptic; `now` with reset_delay=False.
template <bool uniform, Reset reset_to, bool synaptic, bool now>
struct Leaky : Spiking {
  static constexpr int kStates = synaptic ? 2 : 1;  // v, i
  Constant<uniform> beta, threshold, alpha;
  explicit Leaky(const NeuronArrays& n)
      : beta(n.constant[0]), threshold(n.constant[1]), alpha(n.constant[synaptic ? 2 : 0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 th = threshold[j], zero{};
    const M8 reset = state[0] > th;
    if constexpr (synaptic) current = state[1] = summed(alpha, j, state[1], current);
    F8 v = state[0];
    if constexpr (reset_to == Reset::kZeroBefore) v = reset ? zero : v;
    const F8 kept = beta[j] * v;
    v = kept + current;
    if constexpr (reset_to == Reset::kSubtract) v = reset ? v - th : v;
    if constexpr (reset_to == Reset::kZeroAfter) v = reset ? zero : v;
    const M8 spike = v > th;
    if constexpr (now && reset_to == Reset::kSubtract) {
      v = spike ? (reset ? v : v - th) : (reset ? v + th : v);
    } else if constexpr (now) {
      v = spike ? (reset ? v : zero) : (reset ? v + v : v);
    }
    state[0] = v;
    return spike;
  }
};

// Two traces of the current; a reset acts on them and on what is left of them.
template <bool uniform, Reset reset_to>
struct Alpha : Spiking {
  static constexpr int kStates = 3;  // v, e, i
  Constant<uniform> beta, threshold, alpha, gain;
  explicit Alpha(const NeuronArrays& n)
      : beta(n.constant[0]), threshold(n.constant[1]), alpha(n.constant[2]), gain(n.constant[3]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 th = threshold[j], zero{};
    const M8 reset = state[0] > th;
    const F8 before = state[2];
    state[1] = summed(alpha, j, state[1], current);
    const F8 kept = beta[j] * before;
    state[2] = kept - current;
    const F8 left = state[1] + state[2];
    state[0] = gain[j] * left;
    if constexpr (reset_to == Reset::kSubtract) {
      state[0] = reset ? state[0] + before : state[0];
      state[1] = reset ? state[1] - th : state[1];
      state[2] = reset ? zero : state[2];
    } else if constexpr (reset_to != Reset::kNone) {
      for (int s = 0; s < kStates; ++s) state[s] = reset ? zero : state[s];
    }
    return state[0] > th;
  }
};

// Spikes of the membrane before the step; LIF and IF subtract the threshold after the decay,
// CuBaLIF before it.
template <bool uniform, bool synaptic>
struct SpyxLif : Spiking {
  static constexpr int kStates = synaptic ? 2 : 1;  // v, i
  Constant<uniform> beta, threshold, alpha;
  explicit SpyxLif(const NeuronArrays& n)
      : beta(n.constant[0]), threshold(n.constant[1]), alpha(n.constant[synaptic ? 2 : 0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 th = threshold[j];
    const M8 spike = state[0] > th;
    if constexpr (synaptic) {
      const F8 left = spike ? state[0] - th : state[0];
      state[1] = summed(alpha, j, state[1], current);
      const F8 kept = beta[j] * left;
      state[0] = kept + state[1];
    } else {
      const F8 kept = beta[j] * state[0];
      const F8 v = kept + current;
      state[0] = spike ? v - th : v;
    }
    return spike;
  }
};

}  // namespace chipletsim
