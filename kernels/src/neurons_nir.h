// Neuron models of NIR: chipletsim/network/neurons/spiking.py and exact.py.
//
// Forward Euler and the exact solution differ in one factor: dt / tau, or 1 - exp(-dt / tau).
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

// Spikes where v is above the threshold, which reset it.
template <bool uniform>
struct Firing {
  Constant<uniform> threshold, reset;
  explicit Firing(const float* const* constants) : threshold(constants[0]), reset(constants[1]) {}
  M8 operator()(int64_t j, F8& v) const {
    const M8 spike = v > threshold[j];
    v = spike ? reset[j] : v;
    return spike;
  }
};

// v + factor ((leak - v) + r current)
template <bool uniform>
struct Leaking {
  Constant<uniform> factor, r, leak;
  explicit Leaking(const float* const* constants)
      : factor(constants[0]), r(constants[1]), leak(constants[2]) {}
  F8 operator()(int64_t j, F8 v, F8 current) const {
    const F8 gained = r[j] * current;
    const F8 drive = (leak[j] - v) + gained;
    const F8 change = factor[j] * drive;
    return v + change;
  }
};

// i + factor (w_in current - i)
template <bool uniform>
struct Charging {
  Constant<uniform> w_in, factor;
  explicit Charging(const float* const* constants) : w_in(constants[0]), factor(constants[1]) {}
  F8 operator()(int64_t j, F8 i, F8 current) const {
    const F8 scaled = w_in[j] * current;
    const F8 change = factor[j] * (scaled - i);
    return i + change;
  }
};

template <bool uniform>
struct If : Spiking {
  static constexpr int kStates = 1;
  Constant<uniform> gain;
  Firing<uniform> firing;
  explicit If(const NeuronArrays& n) : gain(n.constant[0]), firing(&n.constant[1]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 gained = gain[j] * current;
    state[0] = state[0] + gained;
    return firing(j, state[0]);
  }
};

template <bool uniform>
struct Lif : Spiking {
  static constexpr int kStates = 1;
  Leaking<uniform> leaking;
  Firing<uniform> firing;
  explicit Lif(const NeuronArrays& n) : leaking(&n.constant[0]), firing(&n.constant[3]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = leaking(j, state[0], current);
    return firing(j, state[0]);
  }
};

template <bool uniform>
struct CubaLif : Spiking {
  static constexpr int kStates = 2;  // v, i
  Charging<uniform> charging;
  Leaking<uniform> leaking;
  Firing<uniform> firing;
  explicit CubaLif(const NeuronArrays& n)
      : charging(&n.constant[0]), leaking(&n.constant[2]), firing(&n.constant[5]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[1] = charging(j, state[1], current);
    state[0] = leaking(j, state[0], state[1]);
    return firing(j, state[0]);
  }
};

// Graded.
template <bool uniform>
struct Li : Spiking {
  static constexpr int kStates = 1;
  Leaking<uniform> leaking;
  explicit Li(const NeuronArrays& n) : leaking(&n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = leaking(j, state[0], current);
    return M8{};
  }
};

// Graded.
template <bool uniform>
struct I : Spiking {
  static constexpr int kStates = 1;
  Constant<uniform> gain;
  explicit I(const NeuronArrays& n) : gain(n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 gained = gain[j] * current;
    state[0] = state[0] + gained;
    return M8{};
  }
};

// Graded.
template <bool uniform>
struct CubaLi : Spiking {
  static constexpr int kStates = 2;  // v, i
  Charging<uniform> charging;
  Leaking<uniform> leaking;
  explicit CubaLi(const NeuronArrays& n) : charging(&n.constant[0]), leaking(&n.constant[2]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[1] = charging(j, state[1], current);
    state[0] = leaking(j, state[0], state[1]);
    return M8{};
  }
};

template <bool uniform>
struct Threshold : Spiking {
  static constexpr int kStates = 0;
  Constant<uniform> threshold;
  explicit Threshold(const NeuronArrays& n) : threshold(n.constant[0]) {}
  M8 step(int64_t j, F8*, F8 current) const { return current > threshold[j]; }
};

// Both states solved over the step, the current held.
template <bool uniform>
struct CubaLifExact : Spiking {
  static constexpr int kStates = 2;  // v, i
  Constant<uniform> w_in, share_syn;
  Leaking<uniform> leaking;
  Constant<uniform> overlap;
  Firing<uniform> firing;
  explicit CubaLifExact(const NeuronArrays& n)
      : w_in(n.constant[0]),
        share_syn(n.constant[1]),
        leaking(&n.constant[2]),
        overlap(n.constant[5]),
        firing(&n.constant[6]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 target = w_in[j] * current;
    const F8 driven = leaking(j, state[0], target);
    const F8 carried = overlap[j] * (state[1] - target);
    const F8 change = share_syn[j] * (target - state[1]);
    state[1] = state[1] + change;
    state[0] = driven + carried;
    return firing(j, state[0]);
  }
};

}  // namespace chipletsim
