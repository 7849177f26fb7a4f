// Neuron models: the equations of chipletsim/network/neurons.py, eight neurons at a time.
//
// Every product and sum is rounded to float32 by itself, in the order in which they stand
// there; the file is compiled without contraction to fused multiply-adds.
//
// To add a model: a struct here, a line in `advance_neurons`, its name in
// chipletsim/engine/native/models.py.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace chipletsim {

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t M8 __attribute__((vector_size(32)));

enum class Model : int64_t { kSum, kIf, kLif, kCubaLif, kLi };

// Constants and states of neurons, from the first of a chunk on. Arrays of several neurons
// are filled up to whole words of 64.
struct NeuronArrays {
  const float* constant[7];
  float* state[2];
};

inline F8 load8(const float* from) {
  F8 vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}
inline void store8(float* to, F8 vector) { std::memcpy(to, &vector, sizeof(vector)); }
inline F8 splat(float value) { return F8{} + value; }

// One bit for each lane that is set.
inline uint64_t bits_of(M8 mask) {
#if defined(__AVX__)
  F8 lanes;
  std::memcpy(&lanes, &mask, sizeof(lanes));
  return static_cast<uint64_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(lanes)));
#else
  uint64_t bits = 0;
  for (int lane = 0; lane < 8; ++lane) bits |= static_cast<uint64_t>(mask[lane] & 1) << lane;
  return bits;
#endif
}

// A constant of all neurons, or one of each.
template <bool uniform>
class Constant {
 public:
  explicit Constant(const float* at) : at_(at), all_(splat(at[0])) {}
  F8 operator[](int64_t first) const {
    if constexpr (uniform) return all_;
    return load8(at_ + first);
  }

 private:
  const float* at_;
  F8 all_;
};

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

template <bool uniform>
struct If {
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
struct Lif {
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
struct CubaLif {
  static constexpr int kStates = 2;  // v, i
  Constant<uniform> w_in, factor_syn;
  Leaking<uniform> leaking;
  Firing<uniform> firing;
  explicit CubaLif(const NeuronArrays& n)
      : w_in(n.constant[0]),
        factor_syn(n.constant[1]),
        leaking(&n.constant[2]),
        firing(&n.constant[5]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    const F8 scaled = w_in[j] * current;
    const F8 change = factor_syn[j] * (scaled - state[1]);
    state[1] = state[1] + change;
    state[0] = leaking(j, state[0], state[1]);
    return firing(j, state[0]);
  }
};

// Graded: the event is state 0.
template <bool uniform>
struct Li {
  static constexpr int kStates = 1;
  Leaking<uniform> leaking;
  explicit Li(const NeuronArrays& n) : leaking(&n.constant[0]) {}
  M8 step(int64_t j, F8* state, F8 current) const {
    state[0] = leaking(j, state[0], current);
    return M8{};
  }
};

// Advances `words` times 64 neurons by a step and writes a word of spikes for each 64.
template <class Neuron>
void advance_words(const NeuronArrays& arrays, const float* current, int64_t words,
                   uint64_t* spikes) {
  const Neuron neuron(arrays);
  for (int64_t word = 0; word < words; ++word) {
    uint64_t bits = 0;
    for (int64_t part = 0; part < 8; ++part) {
      const int64_t j = word * 64 + part * 8;
      F8 state[Neuron::kStates];
      for (int s = 0; s < Neuron::kStates; ++s) state[s] = load8(arrays.state[s] + j);
      bits |= bits_of(neuron.step(j, state, load8(current + j))) << (part * 8);
      for (int s = 0; s < Neuron::kStates; ++s) store8(arrays.state[s] + j, state[s]);
    }
    spikes[word] = bits;
  }
}

template <bool uniform>
void advance_neurons(Model model, const NeuronArrays& arrays, const float* current, int64_t words,
                     uint64_t* spikes) {
  switch (model) {
    case Model::kSum: return;  // the event is the current
    case Model::kIf: return advance_words<If<uniform>>(arrays, current, words, spikes);
    case Model::kLif: return advance_words<Lif<uniform>>(arrays, current, words, spikes);
    case Model::kCubaLif: return advance_words<CubaLif<uniform>>(arrays, current, words, spikes);
    case Model::kLi: return advance_words<Li<uniform>>(arrays, current, words, spikes);
  }
}

}  // namespace chipletsim
