// All neuron models by number, and how a chunk of neurons advances.
//
// To add a model: a struct in the header of its framework, a number here with a line in
// `advance_neurons`, its name in chipletsim/engine/native/models.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "neuron_vectors.h"
#include "neurons_counting.h"
#include "neurons_lava.h"
#include "neurons_neuroscience.h"
#include "neurons_nir.h"
#include "neurons_norse.h"
#include "neurons_snntorch.h"
#include "neurons_spikingjelly.h"

namespace chipletsim {

enum class Model : int64_t {
  kSum, kIf, kLif, kCubaLif, kLi, kI, kCubaLi, kThreshold, kCubaLifExact,
  kLeakySubtract, kLeakyZero, kLeakyNone, kRLeakyZero, kLeakySubtractNow, kLeakyZeroNow,
  kRLeakyZeroNow, kSynapticSubtract, kSynapticZero, kSynapticNone, kSynapticSubtractNow,
  kSynapticZeroNow,
  kSpyxLif, kSpyxCubaLif,
  kNorseLif, kNorseLifSubtract, kNorseCubaLif, kNorseLi, kNorseIf,
  kSinabsSubtractMulti, kSinabsZeroMulti, kSinabsSubtractSingle, kSinabsZeroSingle, kSinabsLi,
  kRockpoolLif, kRockpoolCubaLif,
  kLifRefractory, kCubaExp, kCobaExp, kAlif, kIzhikevich,
  kAlphaSubtract, kAlphaZero, kAlphaNone,
  kJellyIf, kJellyLif, kJellyLifWholeInput, kJellyPlif, kJellyPlifWholeInput, kJellyCubaLif,
  kLavaCubaLif,
};

// Currents that a model takes.
inline int64_t ports_of(Model model) {
  return model == Model::kCubaExp || model == Model::kCobaExp ? 2 : 1;
}

// Advances `words` times 64 neurons by a step and writes a word of spikes for each 64. Counts
// take the place of the currents; returns whether they do. Currents of a second port stand kChunk
// behind those of the first.
template <class Neuron>
bool advance_words(const NeuronArrays& arrays, float* current, int64_t words, uint64_t* spikes) {
  const Neuron neuron(arrays);
  for (int64_t word = 0; word < words; ++word) {
    uint64_t bits = 0;
    for (int64_t part = 0; part < 8; ++part) {
      const int64_t j = word * 64 + part * 8;
      F8 state[std::max(Neuron::kStates, 1)];
      for (int s = 0; s < Neuron::kStates; ++s) state[s] = load8(arrays.state[s] + j);
      if constexpr (Neuron::kCounts) {
        store8(current + j, neuron.count(j, state, load8(current + j)));
      } else if constexpr (Neuron::kPorts == 2) {
        const F8 first = load8(current + j), second = load8(current + kChunk + j);
        bits |= bits_of(neuron.step(j, state, first, second)) << (part * 8);
      } else {
        bits |= bits_of(neuron.step(j, state, load8(current + j))) << (part * 8);
      }
      for (int s = 0; s < Neuron::kStates; ++s) store8(arrays.state[s] + j, state[s]);
    }
    spikes[word] = bits;
  }
  return Neuron::kCounts;
}

// The same for a model by its number. Values of graded neurons are in `current` where it returns
// true, else they are state 0.
template <bool uniform>
bool advance_neurons(Model model, const NeuronArrays& arrays, float* current, int64_t words,
                     uint64_t* spikes) {
  constexpr auto kNone = Reset::kNone, kSubtract = Reset::kSubtract;
  constexpr auto kBefore = Reset::kZeroBefore, kAfter = Reset::kZeroAfter;
#define ADVANCE(number, ...) \
  case Model::number: return advance_words<__VA_ARGS__>(arrays, current, words, spikes)
  switch (model) {
    case Model::kSum: return true;  // the event is the current
    ADVANCE(kIf, If<uniform>);
    ADVANCE(kLif, Lif<uniform>);
    ADVANCE(kCubaLif, CubaLif<uniform>);
    ADVANCE(kLi, Li<uniform>);
    ADVANCE(kI, I<uniform>);
    ADVANCE(kCubaLi, CubaLi<uniform>);
    ADVANCE(kThreshold, Threshold<uniform>);
    ADVANCE(kCubaLifExact, CubaLifExact<uniform>);
    ADVANCE(kLeakySubtract, Leaky<uniform, kSubtract, false, false>);
    ADVANCE(kLeakyZero, Leaky<uniform, kBefore, false, false>);
    ADVANCE(kLeakyNone, Leaky<uniform, kNone, false, false>);
    ADVANCE(kRLeakyZero, Leaky<uniform, kAfter, false, false>);
    ADVANCE(kLeakySubtractNow, Leaky<uniform, kSubtract, false, true>);
    ADVANCE(kLeakyZeroNow, Leaky<uniform, kBefore, false, true>);
    ADVANCE(kRLeakyZeroNow, Leaky<uniform, kAfter, false, true>);
    ADVANCE(kSynapticSubtract, Leaky<uniform, kSubtract, true, false>);
    ADVANCE(kSynapticZero, Leaky<uniform, kAfter, true, false>);
    ADVANCE(kSynapticNone, Leaky<uniform, kNone, true, false>);
    ADVANCE(kSynapticSubtractNow, Leaky<uniform, kSubtract, true, true>);
    ADVANCE(kSynapticZeroNow, Leaky<uniform, kAfter, true, true>);
    ADVANCE(kSpyxLif, SpyxLif<uniform, false>);
    ADVANCE(kSpyxCubaLif, SpyxLif<uniform, true>);
    ADVANCE(kNorseLif, NorseLif<uniform, false>);
    ADVANCE(kNorseLifSubtract, NorseLif<uniform, true>);
    ADVANCE(kNorseCubaLif, NorseCubaLif<uniform>);
    ADVANCE(kNorseLi, NorseLi<uniform>);
    ADVANCE(kNorseIf, NorseIf<uniform>);
    ADVANCE(kSinabsSubtractMulti, SinabsMulti<uniform, true>);
    ADVANCE(kSinabsZeroMulti, SinabsMulti<uniform, false>);
    ADVANCE(kSinabsSubtractSingle, SinabsSingle<uniform, true>);
    ADVANCE(kSinabsZeroSingle, SinabsSingle<uniform, false>);
    ADVANCE(kSinabsLi, SinabsLi<uniform>);
    ADVANCE(kRockpoolLif, RockpoolLif<uniform, false>);
    ADVANCE(kRockpoolCubaLif, RockpoolLif<uniform, true>);
    ADVANCE(kLifRefractory, LifRefractory<uniform>);
    ADVANCE(kCubaExp, CubaExp<uniform>);
    ADVANCE(kCobaExp, CobaExp<uniform>);
    ADVANCE(kAlif, Alif<uniform>);
    ADVANCE(kIzhikevich, Izhikevich<uniform>);
    ADVANCE(kAlphaSubtract, Alpha<uniform, kSubtract>);
    ADVANCE(kAlphaZero, Alpha<uniform, kAfter>);
    ADVANCE(kAlphaNone, Alpha<uniform, kNone>);
    ADVANCE(kJellyIf, JellyIf<uniform>);
    ADVANCE(kJellyLif, JellyLif<uniform, true, false>);
    ADVANCE(kJellyLifWholeInput, JellyLif<uniform, true, true>);
    ADVANCE(kJellyPlif, JellyLif<uniform, false, false>);
    ADVANCE(kJellyPlifWholeInput, JellyLif<uniform, false, true>);
    ADVANCE(kJellyCubaLif, JellyCubaLif<uniform>);
    ADVANCE(kLavaCubaLif, LavaCubaLif<uniform>);
  }
#undef ADVANCE
  throw std::invalid_argument("the plan names a neuron model that is not there");
}

}  // namespace chipletsim
