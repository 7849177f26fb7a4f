// Eight neurons at a time: vectors, constants, and what the neuron models share.
//
// A neuron model is a struct with a number of states and one step:
//
//   static constexpr int kStates;      // at most kMostStates
//   static constexpr bool kCounts;     // whether its event is a count, else spikes or state 0
//   static constexpr int kPorts;       // currents that it takes: `step` has one more if two
//   M8 step(int64_t j, F8* state, F8 current) const;           // the spikes of neurons j to j + 7
//   F8 count(int64_t j, F8* state, F8 current) const;          // their counts, where it counts
//
// Every product and sum is rounded to float32 by itself, in the order in which they stand in
// chipletsim/network/neurons/; files are compiled without contraction to fused multiply-adds.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace chipletsim {

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t M8 __attribute__((vector_size(32)));

constexpr int kMostConstants = 13, kMostStates = 4, kMostPorts = 2;
constexpr int64_t kChunk = 512;  // neurons whose currents stay in the nearest cache

// Constants and states of neurons, from the first of a chunk on. Arrays of several neurons
// are filled up to whole words of 64.
struct NeuronArrays {
  const float* constant[kMostConstants];
  float* state[kMostStates];
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

// The next lower whole number of each.
inline F8 floor8(F8 values) {
#if defined(__AVX__)
  return reinterpret_cast<F8>(_mm256_floor_ps(reinterpret_cast<__m256>(values)));
#else
  F8 whole;
  for (int lane = 0; lane < 8; ++lane) whole[lane] = std::floor(values[lane]);
  return whole;
#endif
}

// A model whose event is a spike, or its first state.
struct Spiking {
  static constexpr bool kCounts = false;
  static constexpr int kPorts = 1;
};

}  // namespace chipletsim
