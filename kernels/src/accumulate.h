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
#include <vector>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace chipletsim {

// The type in which weights of a type are added.
template <class Weight>
using Sum = std::conditional_t<std::is_same_v<Weight, float>, double, int32_t>;

// Events of one row: numbers, and values (null where they are spikes).
struct Events {
  const uint32_t* number;
  const float* value;
  int64_t count;
};

constexpr int64_t kPanel = 64;  // targets whose sums a dense product keeps in registers

// ---- sparse ------------------------------------------------------------------------------

// Synapses of one block of targets: row_start[source] up to row_start[source + 1], targets
// counted from the start of the block.
template <class Weight>
struct SparseBlock {
  const uint32_t* row_start;
  const uint16_t* target;
  const Weight* weight;
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
      sum[block.target[k]] += block.weight[k];
      sum[block.target[k + 1]] += block.weight[k + 1];
      sum[block.target[k + 2]] += block.weight[k + 2];
      sum[block.target[k + 3]] += block.weight[k + 3];
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

// Adds the rows of all events in registers, for `width` targets.
template <class Weight, class Lane, int64_t width>
inline void add_rows(const Weight* panel, const Events& events, int64_t first, int64_t stop,
                     Lane* sum) {
  constexpr int kLanes = 32 / sizeof(Lane), kVectors = width / kLanes;
  using Wide = typename VectorOf<Lane, 32>::type;
  Wide total[kVectors] = {};
  for (int64_t event = first; event < stop; ++event) {
    const Weight* row = panel + kPanel * static_cast<int64_t>(events.number[event]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) total[v] += widened<Lane>(row + v * kLanes);
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) std::memcpy(sum + v * kLanes, &total[v], sizeof(Wide));
}

// Sums of one panel of 64 targets; its weights are [sources][64].
inline void sum_panel(const int8_t* panel, const Events& events, int32_t* sum) {
  constexpr int64_t kExact = 256;  // times 127 still fits in 16 bits
  int16_t part[kPanel];
  for (int64_t j = 0; j < kPanel; ++j) sum[j] = 0;
  for (int64_t first = 0; first < events.count; first += kExact) {
    const int64_t stop = first + kExact < events.count ? first + kExact : events.count;
    add_rows<int8_t, int16_t, kPanel>(panel, events, first, stop, part);
    for (int64_t j = 0; j < kPanel; ++j) sum[j] += part[j];
  }
}

inline void sum_panel(const int16_t* panel, const Events& events, int32_t* sum) {
  add_rows<int16_t, int32_t, kPanel>(panel, events, 0, events.count, sum);
}

inline void sum_panel(const float* panel, const Events& events, double* sum) {
  if (!events.value) {
    add_rows<float, double, kPanel / 2>(panel, events, 0, events.count, sum);
    add_rows<float, double, kPanel / 2>(panel + kPanel / 2, events, 0, events.count,
                                        sum + kPanel / 2);
    return;
  }
  for (int64_t j = 0; j < kPanel; ++j) sum[j] = 0;
  for (int64_t event = 0; event < events.count; ++event) {
    const float* row = panel + kPanel * static_cast<int64_t>(events.number[event]);
    const double value = events.value[event];
    for (int64_t j = 0; j < kPanel; ++j) sum[j] += value * row[j];
  }
}

// ---- convolution -------------------------------------------------------------------------

// Targets are numbered position by position, the channels of one side by side.
struct ConvShape {
  int64_t height, width;              // of the source
  int64_t out_height, out_width, out_channels;
  int64_t kernel_y, kernel_x, stride_y, stride_x, top, left, dilation_y, dilation_x;
  int64_t in_per_group, out_per_group;
};

// Taps of a kernel along one axis: those of input i are first[i] up to first[i + 1].
struct Taps {
  struct Tap {
    int32_t kernel, out;
  };
  std::vector<int32_t> first{0};
  std::vector<Tap> taps;

  Taps() = default;
  Taps(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride, int64_t before,
       int64_t dilation) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t at = i + before - k * dilation;
        if (at < 0 || at % stride || at / stride >= outputs) continue;
        taps.push_back({static_cast<int32_t>(k), static_cast<int32_t>(at / stride)});
      }
      first.push_back(static_cast<int32_t>(taps.size()));
    }
  }
};

// Adds a row of weights, times the value of an event where it has one.
template <class Weight>
inline void add_row(const Weight* __restrict row, const float* value, int64_t size,
                    Sum<Weight>* __restrict into) {
  if constexpr (std::is_same_v<Weight, float>) {
    if (value) {
      const double times = *value;
      for (int64_t c = 0; c < size; ++c) into[c] += times * row[c];
      return;
    }
  }
  for (int64_t c = 0; c < size; ++c) into[c] += row[c];
}

// Adds to the targets [first, stop). Weights are [in channels][kernel y][kernel x][out channels
// of the group].
template <class Weight>
void add_conv(const ConvShape& shape, const Taps& along_y, const Taps& along_x,
              const Weight* weight, const Events& events, int64_t first, int64_t stop,
              Sum<Weight>* sum) {
  const auto width = static_cast<uint32_t>(shape.width);
  const uint32_t plane = static_cast<uint32_t>(shape.height) * width;
  const int64_t size = shape.out_per_group, line_size = shape.out_width * shape.out_channels;
  for (int64_t event = 0; event < events.count; ++event) {
    const uint32_t channel = events.number[event] / plane, place = events.number[event] % plane;
    const uint32_t y = place / width, x = place % width;
    const int64_t group = channel / static_cast<uint32_t>(shape.in_per_group);
    const Weight* taps = weight + channel * shape.kernel_y * shape.kernel_x * size;
    const float* value = events.value ? events.value + event : nullptr;
    for (int32_t ty = along_y.first[y]; ty < along_y.first[y + 1]; ++ty) {
      const int64_t line = along_y.taps[ty].out * line_size;
      if (line + line_size <= first || line >= stop) continue;
      for (int32_t tx = along_x.first[x]; tx < along_x.first[x + 1]; ++tx) {
        const int64_t at = line + along_x.taps[tx].out * shape.out_channels + group * size;
        const int64_t begin = std::max(at, first), count = std::min(at + size, stop) - begin;
        if (count <= 0) continue;  // in other blocks
        const int64_t tap = along_y.taps[ty].kernel * shape.kernel_x + along_x.taps[tx].kernel;
        add_row(taps + tap * size + (begin - at), value, count, sum + begin - first);
      }
    }
  }
}

}  // namespace chipletsim
