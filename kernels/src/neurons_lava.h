// Neuron model of Lava in the fixed point of Loihi: chipletsim/network/neurons/lava.py.
//
// States are whole numbers, and every number on the way is exact in float32.
#pragma once

#include "neuron_vectors.h"

namespace chipletsim {

inline F8 size_of(F8 values) { return values < F8{} ? -values : values; }

// Towards zero.
inline F8 cut(F8 values) {
  const F8 whole = floor8(size_of(values));
  return values < F8{} ? -whole : whole;
}

template <bool uniform>
struct LavaCubaLif : Spiking {
  static constexpr int kStates = 2;  // v, i
  static constexpr float kUnity = 4096.0f, kMost = 8388608.0f;
  Constant<uniform> current_decay, voltage_decay, reach, units;
  explicit LavaCubaLif(const NeuronArrays& n)
      : current_decay(n.constant[0]),
        voltage_decay(n.constant[1]),
        reach(n.constant[2]),
        units(n.constant[3]) {}

  // (4096 - decay) whole / 4096, cut towards zero; halves that 24 bits can multiply.
  static F8 kept(F8 whole, F8 decay) {
    const F8 left = kUnity - decay, size = size_of(whole);
    const F8 upper = floor8(size / kUnity);
    const F8 lower = size - upper * kUnity;
    const F8 left_over = upper * left + floor8(lower * left / kUnity);
    return whole < F8{} ? -left_over : left_over;
  }

  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 scaled = units[j] * current;
    F8 i = kept(state[1], current_decay[j]) + cut(scaled);
    i = i > kMost ? i - 2 * kMost : i;
    i = i <= -kMost ? i + 2 * kMost : i;
    F8 v = kept(state[0], voltage_decay[j]) + i;
    v = v < 1 - kMost ? splat(1 - kMost) : v;
    v = v > kMost - 1 ? splat(kMost - 1) : v;
    const M8 spike = v >= reach[j];
    state[1] = i;
    state[0] = spike ? F8{} : v;
    return spike;
  }
};

}  // namespace chipletsim
