// Neurons in double precision: the steps of chipletsim/network/neurons/{loihi,truenorth}.py.
#pragma once

#include <cmath>
#include <cstdint>

namespace chipletsim {

enum class WideModel : int64_t { kInput, kLoihi, kTrueNorth };

enum class WideReset : int { kNone, kSoft, kHard, kSaturate };

inline WideReset wide_reset_of(double mode) { return static_cast<WideReset>(static_cast<int>(mode)); }

// A constant of a population: one number for each neuron, or one for all.
struct WideConstant {
  const double* values = nullptr;
  bool uniform = false;

  double operator[](int64_t neuron) const { return values[uniform ? 0 : neuron]; }
};

// What a neuron did in a step.
struct WideResult {
  bool fired, updated;
};

// int32(64 v) / 64, the conversion towards zero; numbers out of range become -2^31, as x86 has it.
inline double cut_to_fraction(double v) {
  const double scaled = v * 64.0;
  const bool held = scaled > -2147483649.0 && scaled < 2147483648.0;
  return (held ? static_cast<int32_t>(scaled) : INT32_MIN) / 64.0;
}

// Constants in the order of the model's parameters, states in that of its states.
struct LoihiNeuron {
  static constexpr int kConstants = 12, kStates = 4;

  static WideResult step(const WideConstant* constant, double* const* state, int64_t i,
                         double current, bool arrived) {
    const double threshold = constant[0][i], bias = constant[3][i], reverse = constant[5][i];
    double v = state[0][i], u = state[1][i], r = state[2][i];
    bool updated = std::fabs(v) > 0 || arrived || std::fabs(bias) > 0 || constant[8][i] != 0;
    if (state[3][i] != 0) {
      u *= constant[2][i];
      v *= constant[1][i];
    }
    v = cut_to_fraction(v);
    bool fired = false;
    if (r == 0) {
      u += current;
      v = (v + bias) + u;
      if (v > threshold) {
        fired = true;
        switch (wide_reset_of(constant[9][i])) {
          case WideReset::kSoft: v -= threshold; break;
          case WideReset::kHard: v = constant[4][i]; break;
          default: break;
        }
        r = constant[7][i];
      }
      if (v < reverse) {
        switch (wide_reset_of(constant[10][i])) {
          case WideReset::kSoft: v -= reverse; break;
          case WideReset::kHard: v = constant[6][i]; break;
          case WideReset::kSaturate: v = reverse; break;
          default: break;
        }
      }
    }
    state[0][i] = v;
    state[1][i] = u;
    state[2][i] = r > 1 ? r - 1 : 0;
    state[3][i] = 1;
    return {fired, updated || fired};
  }
};

struct TrueNorthNeuron {
  static constexpr int kConstants = 10, kStates = 1;

  static WideResult step(const WideConstant* constant, double* const* state, int64_t i,
                         double current, bool arrived) {
    const double threshold = constant[0][i], leak = constant[1][i], bias = constant[3][i];
    const double reverse = constant[5][i];
    double v = state[0][i];
    bool updated = std::fabs(v) > 0 || arrived || std::fabs(bias) > 0 || constant[7][i] != 0;
    if (constant[2][i] == 0 || v < 0) {
      v += leak;
    } else if (v > 0) {
      v -= leak;
    }
    v = (v + bias) + current;
    const bool fired = v >= threshold;
    if (fired) {
      switch (wide_reset_of(constant[8][i])) {
        case WideReset::kSoft: v -= threshold; break;
        case WideReset::kHard: v = constant[4][i]; break;
        case WideReset::kSaturate: v = threshold; break;
        default: break;
      }
    } else if (v <= reverse) {
      switch (wide_reset_of(constant[9][i])) {
        case WideReset::kSoft: v += reverse; break;
        case WideReset::kHard: v = constant[6][i]; break;
        case WideReset::kSaturate: v = reverse; break;
        default: break;
      }
    }
    state[0][i] = v;
    return {fired, updated || fired};
  }
};

}  // namespace chipletsim
