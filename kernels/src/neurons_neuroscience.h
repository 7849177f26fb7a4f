// Neuron models of chipletsim/network/neurons/neuroscience.py and adaptive.py.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

// Spikes where v is above the threshold, unless a neuron is held for some steps after its last.
template <bool uniform>
struct Holding {
  Constant<uniform> threshold, reset, hold;
  explicit Holding(const float* const* constants)
      : threshold(constants[0]), reset(constants[1]), hold(constants[2]) {}
  M8 operator()(int64_t j, F8& v, F8& left) const {
    const M8 idle = left > splat(0);
    const M8 spike = (v > threshold[j]) & ~idle;
    v = idle | spike ? reset[j] : v;
    const F8 fewer = left - splat(1);
    left = spike ? hold[j] : (fewer > splat(0) ? fewer : splat(0));
    return spike;
  }
};

template <bool uniform>
struct LifRefractory : Spiking {
  static constexpr int kStates = 2;  // v, left
  Constant<uniform> decay, leak;
  Holding<uniform> holding;
  explicit LifRefractory(const NeuronArrays& n)
      : decay(n.constant[0]), leak(n.constant[1]), holding(&n.constant[2]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 decayed = decay[j] * (state[0] - leak[j]);
    state[0] = (leak[j] + decayed) + current;
    return holding(j, state[0], state[1]);
  }
};

template <bool uniform>
struct CubaExp : Spiking {
  static constexpr int kPorts = 2;
  static constexpr int kStates = 4;  // v, left, e, i
  Constant<uniform> decay, leak, gain_e, gain_i, decay_e, decay_i;
  Holding<uniform> holding;
  explicit CubaExp(const NeuronArrays& n)
      : decay(n.constant[0]),
        leak(n.constant[1]),
        gain_e(n.constant[2]),
        gain_i(n.constant[3]),
        decay_e(n.constant[4]),
        decay_i(n.constant[5]),
        holding(&n.constant[6]) {}
  M8 step(int64_t j, F8* state, F8 excitatory, F8 inhibitory) const {
    const F8 decayed = decay[j] * (state[0] - leak[j]);
    const F8 driven = gain_e[j] * state[2];
    const F8 inhibited = gain_i[j] * state[3];
    state[0] = ((leak[j] + decayed) + driven) + inhibited;
    const F8 kept_e = decay_e[j] * state[2];
    const F8 kept_i = decay_i[j] * state[3];
    state[2] = kept_e + excitatory;
    state[3] = kept_i + inhibitory;
    return holding(j, state[0], state[1]);
  }
};

template <bool uniform>
struct CobaExp : Spiking {
  static constexpr int kPorts = 2;
  static constexpr int kStates = 4;  // v, left, e, i
  Constant<uniform> g_leak, leak_drive, v_e, v_i, dt_over_c, dt_over_2c;
  Constant<uniform> half_e, half_i, decay_e, decay_i;
  Holding<uniform> holding;
  explicit CobaExp(const NeuronArrays& n)
      : g_leak(n.constant[0]),
        leak_drive(n.constant[1]),
        v_e(n.constant[2]),
        v_i(n.constant[3]),
        dt_over_c(n.constant[4]),
        dt_over_2c(n.constant[5]),
        half_e(n.constant[6]),
        half_i(n.constant[7]),
        decay_e(n.constant[8]),
        decay_i(n.constant[9]),
        holding(&n.constant[10]) {}
  M8 step(int64_t j, F8* state, F8 excitatory, F8 inhibitory) const {
    const F8 e = half_e[j] * state[2];
    const F8 i = half_i[j] * state[3];
    const F8 conductance = (g_leak[j] + e) + i;
    const F8 towards_e = v_e[j] * e;
    const F8 towards_i = v_i[j] * i;
    const F8 drive = (leak_drive[j] + towards_e) + towards_i;
    const F8 a = dt_over_2c[j] * conductance;
    const F8 kept = state[0] - a * state[0];
    state[0] = (kept + dt_over_c[j] * drive) / (splat(1) + a);
    const F8 kept_e = decay_e[j] * state[2];
    const F8 kept_i = decay_i[j] * state[3];
    state[2] = kept_e + excitatory;
    state[3] = kept_i + inhibitory;
    return holding(j, state[0], state[1]);
  }
};

template <bool uniform>
struct Alif : Spiking {
  static constexpr int kStates = 3;  // v, b, z
  Constant<uniform> rho, rise, threshold, beta, gain, alpha;
  explicit Alif(const NeuronArrays& n)
      : rho(n.constant[0]),
        rise(n.constant[1]),
        threshold(n.constant[2]),
        beta(n.constant[3]),
        gain(n.constant[4]),
        alpha(n.constant[5]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 kept = rho[j] * state[1];
    state[1] = kept + rise[j] * state[2];
    const F8 raised = threshold[j] + beta[j] * state[1];
    const F8 driven = gain[j] * current;
    const F8 v = alpha[j] * state[0] + driven;
    state[0] = v - raised * state[2];
    const M8 spike = state[0] > raised;
    state[2] = spike ? splat(1) : splat(0);
    return spike;
  }
};

template <bool uniform>
struct Izhikevich : Spiking {
  static constexpr int kStates = 2;  // v, u
  Constant<uniform> half_dt, a_dt, b, c, d, below_peak;
  explicit Izhikevich(const NeuronArrays& n)
      : half_dt(n.constant[0]),
        a_dt(n.constant[1]),
        b(n.constant[2]),
        c(n.constant[3]),
        d(n.constant[4]),
        below_peak(n.constant[5]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    F8 v = state[0];
    for (int half = 0; half < 2; ++half) {
      const F8 square = splat(0.04f) * (v * v);
      const F8 line = splat(5) * v;
      const F8 slope = (((square + line) + splat(140)) - state[1]) + current;
      v = v + half_dt[j] * slope;
    }
    const F8 u = state[1] + a_dt[j] * (b[j] * v - state[1]);
    const M8 spike = v > below_peak[j];
    state[0] = spike ? c[j] : v;
    state[1] = spike ? u + d[j] : u;
    return spike;
  }
};

}  // namespace chipletsim
