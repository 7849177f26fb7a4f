// Neuron models of Norse: chipletsim/network/neurons/norse.py.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

// v + factor ((leak - v) + current)
template <bool uniform>
struct NorseLeaking {
  Constant<uniform> factor, leak;
  explicit NorseLeaking(const float* const* constants) : factor(constants[0]), leak(constants[1]) {}
  F8 operator()(int64_t j, F8 v, F8 current) const {
    const F8 drive = (leak[j] - v) + current;
    const F8 change = factor[j] * drive;
    return v + change;
  }
};

// LIFBoxCell; its drive is added up in another order than that of LIFCell.
template <bool uniform, bool subtract>
struct NorseLif : Spiking {
  static constexpr int kStates = 1;
  Constant<uniform> factor, leak, threshold, reset;
  explicit NorseLif(const NeuronArrays& n)
      : factor(n.constant[0]),
        leak(n.constant[1]),
        threshold(n.constant[2]),
        reset(n.constant[subtract ? 2 : 3]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 drive = (current + leak[j]) - state[0];
    const F8 change = factor[j] * drive;
    const F8 v = state[0] + change, th = threshold[j];
    const M8 spike = v > th;
    state[0] = spike ? (subtract ? v - th : reset[j]) : v;
    return spike;
  }
};

// LIFCell: the current is used before it decays.
template <bool uniform>
struct NorseCubaLif : Spiking {
  static constexpr int kStates = 2;  // v, i
  Constant<uniform> factor_syn, threshold, reset;
  NorseLeaking<uniform> leaking;
  explicit NorseCubaLif(const NeuronArrays& n)
      : factor_syn(n.constant[0]),
        threshold(n.constant[3]),
        reset(n.constant[4]),
        leaking(&n.constant[1]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 i = state[1] + current;
    const F8 v = leaking(j, state[0], i);
    const M8 spike = v > threshold[j];
    const F8 gone = factor_syn[j] * i;
    state[1] = i - gone;
    state[0] = spike ? reset[j] : v;
    return spike;
  }
};

// LIBoxCell, graded.
template <bool uniform>
struct NorseLi : Spiking {
  static constexpr int kStates = 1;
  NorseLeaking<uniform> leaking;
  explicit NorseLi(const NeuronArrays& n) : leaking(&n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = leaking(j, state[0], current);
    return M8{};
  }
};

// IAFCell
template <bool uniform>
struct NorseIf : Spiking {
  static constexpr int kStates = 1;
  Constant<uniform> threshold;
  explicit NorseIf(const NeuronArrays& n) : threshold(n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 v = state[0] + current;
    const M8 spike = v > threshold[j];
    state[0] = spike ? F8{} : v;
    return spike;
  }
};

}  // namespace chipletsim
