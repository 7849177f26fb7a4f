// Neuron models of Sinabs and Rockpool: chipletsim/network/neurons/sinabs.py and rockpool.py.
//
// Most of them send several spikes a step: as many as the membrane holds thresholds.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

struct Counting {
  static constexpr bool kCounts = true;
};

// floor(v / threshold) where v > 0, else 0.
inline F8 whole_thresholds(F8 v, F8 threshold) {
  const F8 whole = floor8(v / threshold), zero{};
  return v > zero ? whole : zero;
}

// alpha v + gain current
template <bool uniform>
struct SinabsCharge {
  Constant<uniform> alpha, gain;
  explicit SinabsCharge(const float* const* constants) : alpha(constants[0]), gain(constants[1]) {}
  F8 operator()(int64_t j, F8 v, F8 current) const {
    const F8 kept = alpha[j] * v;
    const F8 gained = gain[j] * current;
    return kept + gained;
  }
};

// max(v - least, 0) + least, where there is a least potential
template <bool uniform>
struct SinabsClip {
  Constant<uniform> least, clips;
  explicit SinabsClip(const float* const* constants) : least(constants[0]), clips(constants[1]) {}
  F8 operator()(int64_t j, F8 v) const {
    const F8 zero{}, above = v - least[j];
    const F8 clipped = (above > zero ? above : zero) + least[j];
    return clips[j] > zero ? clipped : v;
  }
};

template <bool uniform, bool subtract>
struct SinabsMulti : Counting {
  static constexpr int kStates = 1;
  SinabsCharge<uniform> charge;
  Constant<uniform> threshold;
  SinabsClip<uniform> clip;
  explicit SinabsMulti(const NeuronArrays& n)
      : charge(&n.constant[0]), threshold(n.constant[2]), clip(&n.constant[3]) {}
  F8 count(int64_t j, F8* state, F8 current) const {
    const F8 v = charge(j, state[0], current), count = whole_thresholds(v, threshold[j]);
    const F8 spent = count * threshold[j], zero{};
    state[0] = clip(j, subtract ? v - spent : (count > zero ? zero : v));
    return count;
  }
};

template <bool uniform, bool subtract>
struct SinabsSingle : Spiking {
  static constexpr int kStates = 1;
  SinabsCharge<uniform> charge;
  Constant<uniform> threshold;
  SinabsClip<uniform> clip;
  explicit SinabsSingle(const NeuronArrays& n)
      : charge(&n.constant[0]), threshold(n.constant[2]), clip(&n.constant[3]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 v = charge(j, state[0], current), th = threshold[j];
    const M8 spike = v >= th;
    state[0] = clip(j, spike ? (subtract ? v - th : F8{}) : v);
    return spike;
  }
};

// ExpLeak, graded.
template <bool uniform>
struct SinabsLi : Spiking {
  static constexpr int kStates = 1;
  SinabsCharge<uniform> charge;
  explicit SinabsLi(const NeuronArrays& n) : charge(&n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = charge(j, state[0], current);
    return M8{};
  }
};

// LIFNeuronTorch, or LIFTorch
template <bool uniform, bool synaptic>
struct RockpoolLif : Counting {
  static constexpr int kStates = synaptic ? 2 : 1;  // v, i
  Constant<uniform> beta, threshold, alpha;
  explicit RockpoolLif(const NeuronArrays& n)
      : beta(n.constant[0]), threshold(n.constant[1]), alpha(n.constant[synaptic ? 2 : 0]) {}
  F8 count(int64_t j, F8* state, F8 current) const {
    if constexpr (synaptic) current = state[1] = (state[1] + current) * alpha[j];
    const F8 kept = beta[j] * state[0];
    const F8 v = kept + current, count = whole_thresholds(v, threshold[j]);
    const F8 spent = count * threshold[j];
    state[0] = v - spent;
    return count;
  }
};

}  // namespace chipletsim
