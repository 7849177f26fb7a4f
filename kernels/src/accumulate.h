// From lists of events to sums of weights: one function for each kind of connection.
//
// Sums are exact. Weights of few bits are whole multiples of one step, 8 or 16 bits wide, and
// are added in 32 bits; others are float32, multiples of a step that float64 adds without
// rounding (see chipletsim/engine/exact.py). So order, blocks and threads change no bit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "events.h"

namespace chipletsim {

// The type in which weights of a type are added.
template <class Weight>
using Sum = std::conditional_t<std::is_same_v<Weight, float>, double, int32_t>;

constexpr int64_t kPanel = 64;  // targets of a panel of a dense product, [sources][64]

// ---- sparse ------------------------------------------------------------------------------

// Synapses of one block of targets: row_start[source] up to row_start[source + 1], targets
// counted from the start of the block.
template <class Weight>
struct SparseBlock {
  const uint32_t* row_start;
  const uint16_t* target;
  const Weight* weight;
};

// Four weights, in one register where they are whole numbers.
template <class Weight>
class Four {
 public:
  explicit Four(const Weight* from) { std::memcpy(&bits_, from, sizeof(bits_)); }
  template <int place>
  Weight get() const {
    return static_cast<Weight>(bits_ >> (8 * sizeof(Weight) * place));
  }

 private:
  std::conditional_t<sizeof(Weight) == 1, uint32_t, uint64_t> bits_;
};
template <>
class Four<float> {
 public:
  explicit Four(const float* from) : from_(from) {}
  template <int place>
  float get() const {
    return from_[place];
  }

 private:
  const float* from_;
};

template <class Weight>
void add_sparse(const SparseBlock<Weight>& block, const Events& events, Sum<Weight>* sum) {
  // Rows are short and far apart: their addresses, then their first lines, are asked for ahead.
  constexpr int64_t kAddressesAhead = 16, kRowsAhead = 6;
  for (int64_t event = 0; event < events.count; ++event) {
    if (event + kAddressesAhead < events.count) {
      __builtin_prefetch(&block.row_start[events.number[event + kAddressesAhead]]);
    }
    if (event + kRowsAhead < events.count) {
      const uint32_t ahead = block.row_start[events.number[event + kRowsAhead]];
      const uint32_t stop = block.row_start[events.number[event + kRowsAhead] + 1];
      for (uint32_t k = ahead; k < stop; k += 32) __builtin_prefetch(&block.target[k]);
      for (uint32_t k = ahead; k < stop; k += 64 / sizeof(Weight)) {
        __builtin_prefetch(&block.weight[k]);
      }
    }
    const uint32_t first = block.row_start[events.number[event]];
    const uint32_t stop = block.row_start[events.number[event] + 1];
    if constexpr (std::is_same_v<Weight, float>) {
      if (events.value) {
        const double value = events.value[event];
        for (uint32_t k = first; k < stop; ++k) sum[block.target[k]] += value * block.weight[k];
        continue;
      }
    }
    uint32_t k = first;
    for (; k + 4 <= stop; k += 4) {
      // The processor loads fewer values a cycle than it adds: four come at once.
      uint64_t targets;
      std::memcpy(&targets, block.target + k, sizeof(targets));
      const Four<Weight> weights(block.weight + k);
      sum[targets & 0xffff] += weights.template get<0>();
      sum[targets >> 16 & 0xffff] += weights.template get<1>();
      sum[targets >> 32 & 0xffff] += weights.template get<2>();
      sum[targets >> 48] += weights.template get<3>();
    }
    for (; k < stop; ++k) sum[block.target[k]] += block.weight[k];
  }
}

// ---- dense -------------------------------------------------------------------------------

template <class Lane, int bytes>
struct VectorOf {
  typedef Lane type __attribute__((vector_size(bytes)));
};

// A vector of 32 bytes of `Lane`, from as many narrower weights.
template <class Lane, class Weight>
inline typename VectorOf<Lane, 32>::type widened(const Weight* from) {
  using Wide = typename VectorOf<Lane, 32>::type;
#if defined(__AVX2__)
  // The compiler's own conversion of vectors goes through memory.
  const auto* narrow = reinterpret_cast<const __m128i*>(from);
  if constexpr (std::is_same_v<Weight, float>) {
    return reinterpret_cast<Wide>(_mm256_cvtps_pd(_mm_loadu_ps(from)));
  } else if constexpr (std::is_same_v<Weight, int8_t>) {
    return reinterpret_cast<Wide>(_mm256_cvtepi8_epi16(_mm_loadu_si128(narrow)));
  } else {
    return reinterpret_cast<Wide>(_mm256_cvtepi16_epi32(_mm_loadu_si128(narrow)));
  }
#else
  typename VectorOf<Weight, 32 / sizeof(Lane) * sizeof(Weight)>::type narrow;
  std::memcpy(&narrow, from, sizeof(narrow));
  return __builtin_convertvector(narrow, Wide);
#endif
}

// The type in which registers add weights of a type, and how many events fit before they might
// overflow.
template <class Weight>
struct Lanes {
  using Type = Sum<Weight>;
  static constexpr int64_t kEvents = INT64_MAX / 2;  // any number, and one more does not overflow
};
template <>
struct Lanes<int8_t> {
  using Type = int16_t;
  static constexpr int64_t kEvents = 256;  // times 127
};

// Sums of `width` columns of rows of weights, kept in registers. Rows of several lists of events
// may be added; width is a multiple of 16, at most 64, or 32 for float.
template <class Weight, int64_t width>
class Columns {
 public:
  // Adds the rows of events; `stride` weights from one row to the next.
  void add(const Weight* weight, int64_t stride, const Events& events) {
    if constexpr (std::is_same_v<Weight, float>) {
      if (events.value) return add_values(weight, stride, events);
    }
    for (int64_t event = 0; event < events.count;) {
      const int64_t stop = std::min(events.count, event + Lanes<Weight>::kEvents - held_);
      if constexpr (kNarrow) held_ += stop - event;
      for (; event < stop; ++event) {
        const Weight* row = weight + stride * static_cast<int64_t>(events.number[event]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) total_[v] += widened<Lane>(row + v * kLanes);
      }
      if (kNarrow && held_ == Lanes<Weight>::kEvents) flush();
    }
  }

  // Writes the sums.
  void store(Sum<Weight>* sum) {
    if constexpr (kNarrow) {
      flush();
      std::memcpy(sum, wide_, sizeof(wide_));
    } else {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) std::memcpy(sum + v * kLanes, &total_[v], sizeof(Vector));
    }
  }

 private:
  using Lane = typename Lanes<Weight>::Type;
  using Vector = typename VectorOf<Lane, 32>::type;
  static constexpr bool kNarrow = sizeof(Lane) < sizeof(Sum<Weight>);
  static constexpr int kLanes = 32 / sizeof(Lane), kVectors = width / kLanes;

  void add_values(const Weight* weight, int64_t stride, const Events& events) {
    for (int64_t event = 0; event < events.count; ++event) {
      const Weight* row = weight + stride * static_cast<int64_t>(events.number[event]);
      const Lane value = static_cast<Lane>(events.value[event]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) total_[v] += value * widened<Lane>(row + v * kLanes);
    }
  }

  void flush() {
    Lane part[width];
    std::memcpy(part, total_, sizeof(part));
    for (int64_t j = 0; j < width; ++j) wide_[j] += part[j];
    for (Vector& each : total_) each = Vector{};
    held_ = 0;
  }

  Vector total_[kVectors] = {};
  Sum<Weight> wide_[kNarrow ? width : 1] = {};
  int64_t held_ = 0;  // events added since the last flush
};

// Widest Columns of a type of weights that registers hold.
template <class Weight>
constexpr int64_t kWidest = std::is_same_v<Weight, float> ? 32 : 64;

// Sums of one panel of 64 targets; its weights are [sources][64].
template <class Weight>
void sum_panel(const Weight* panel, const Events& events, Sum<Weight>* sum) {
  for (int64_t j = 0; j < kPanel; j += kWidest<Weight>) {
    Columns<Weight, kWidest<Weight>> columns;
    columns.add(panel + j, kPanel, events);
    columns.store(sum + j);
  }
}

}  // namespace chipletsim
