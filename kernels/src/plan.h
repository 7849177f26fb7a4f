// What a call is to do, read from the integers and buffers that Python hands over.
//
// chipletsim/engine/native/plan.py writes the integers in the order in which they are read here.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "accumulate.h"
#include "convolution.h"
#include "events.h"
#include "neurons.h"

namespace chipletsim {

enum class Kind : int64_t { kSparse, kDense, kConv, kCurrents };
enum class Weights : int64_t { kInt8, kInt16, kFloat32 };

struct Projection {
  Kind kind;
  Weights weights;
  int64_t port;    // of the model of the target
  int64_t source;  // index in Plan::sources
  int64_t delay;
  bool with_values;  // events carry values: graded ones, or rounded sums of a pooling
  EventMap map;
  float scale;  // what one unit of a sum is worth
  const void* weight = nullptr;
  // sparse
  const int64_t* block_start = nullptr;  // [blocks], first synapse of each
  const uint32_t* row_start = nullptr;   // [blocks][sources + 1]
  const uint16_t* target = nullptr;
  // sparse and dense
  int64_t source_size = 0;
  // conv
  ConvShape conv{};
  Taps along_y, along_x;
  PixelMap pixels;  // of spikes alone
  // currents: [samples][steps][targets], as computed elsewhere
  const float* current = nullptr;

  // Whether its targets, in blocks of a size, add up what is under their kernel.
  bool gathers(int64_t block) const {
    return kind == Kind::kConv && !with_values && conv.fills(block);
  }
};

struct Population {
  int64_t size;
  int64_t block;  // targets in a block, a multiple of 64
  Model model;
  bool uniform;  // constants are the same for all neurons
  int64_t states;
  const float* constant[kMostConstants] = {};
  const float* bias = nullptr;
  float* state[kMostStates] = {};        // [samples][padded]
  uint64_t* bits = nullptr;     // [samples][steps][words], unless graded
  float* values = nullptr;      // [samples][steps][size], where graded
  std::vector<Projection> incoming;

  int64_t padded() const { return words_of(size) * 64; }
  int64_t blocks() const { return (size + block - 1) / block; }
};

struct Plan {
  int64_t samples, steps;
  bool stepwise;
  std::vector<Source> sources;
  std::vector<Population> populations;
};

// Buffers by number, and integers in turn.
class Reader {
 public:
  Reader(const int64_t* integers, int64_t count, const std::vector<void*>& buffers)
      : next_(integers), end_(integers + count), buffers_(buffers) {}

  int64_t integer() {
    if (next_ == end_) throw std::invalid_argument("the plan ends early");
    return *next_++;
  }
  bool flag() { return integer() != 0; }
  float bits_of_float() {
    const int32_t bits = static_cast<int32_t>(integer());
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  // The buffer whose number comes next; null for -1.
  template <class T>
  T* buffer() {
    const int64_t number = integer();
    if (number < 0) return nullptr;
    if (number >= static_cast<int64_t>(buffers_.size())) {
      throw std::invalid_argument("the plan names a buffer that is not there");
    }
    return static_cast<T*>(buffers_[number]);
  }
  bool done() const { return next_ == end_; }

 private:
  const int64_t* next_;
  const int64_t* end_;
  const std::vector<void*>& buffers_;
};

inline Source read_source(Reader& read, int64_t steps) {
  Source source;
  source.steps = steps;
  source.size = read.integer();
  source.graded = read.flag();
  source.past = read.integer();
  if (source.graded) {
    source.values = read.buffer<float>();
    source.past_values = read.buffer<float>();
  } else {
    source.bits = read.buffer<uint64_t>();
    source.past_bits = read.buffer<uint64_t>();
  }
  return source;
}

inline Projection read_projection(Reader& read) {
  Projection each{};
  each.kind = static_cast<Kind>(read.integer());
  if (each.kind == Kind::kCurrents) {
    each.current = read.buffer<float>();
    return each;
  }
  each.weights = static_cast<Weights>(read.integer());
  each.with_values = read.flag();
  each.map.start = read.buffer<int32_t>();
  each.map.number = read.buffer<int32_t>();
  each.map.largest = read.integer();
  each.map.pooled = read.integer();
  each.map.pooled_weight = read.bits_of_float();
  each.scale = *read.buffer<const float>();
  each.source_size = read.integer();
  each.weight = read.buffer<void>();
  if (each.kind == Kind::kSparse) {
    each.block_start = read.buffer<int64_t>();
    each.row_start = read.buffer<uint32_t>();
    each.target = read.buffer<uint16_t>();
  } else if (each.kind == Kind::kConv) {
    ConvShape& conv = each.conv;
    for (int64_t* field :
         {&conv.height, &conv.width, &conv.out_height, &conv.out_width, &conv.out_channels,
          &conv.kernel_y, &conv.kernel_x, &conv.stride_y, &conv.stride_x, &conv.top, &conv.left,
          &conv.dilation_y, &conv.dilation_x, &conv.in_per_group, &conv.out_per_group,
          &conv.stride}) {
      *field = read.integer();
    }
    each.along_y = Taps(conv.height, conv.out_height, conv.kernel_y, conv.stride_y, conv.top,
                        conv.dilation_y);
    each.along_x = Taps(conv.width, conv.out_width, conv.kernel_x, conv.stride_x, conv.left,
                        conv.dilation_x);
  }
  each.source = read.integer();
  each.delay = read.integer();
  return each;
}

inline Population read_population(Reader& read) {
  Population each{};
  each.size = read.integer();
  each.block = read.integer();
  each.model = static_cast<Model>(read.integer());
  each.uniform = read.flag();
  const int64_t constants = read.integer();
  if (constants > kMostConstants) throw std::invalid_argument("too many constants of a neuron");
  for (int64_t k = 0; k < constants; ++k) each.constant[k] = read.buffer<float>();
  each.bias = read.buffer<float>();
  each.states = read.integer();
  if (each.states > kMostStates) throw std::invalid_argument("too many states of a neuron");
  for (int64_t k = 0; k < each.states; ++k) each.state[k] = read.buffer<float>();
  each.bits = read.buffer<uint64_t>();
  each.values = read.buffer<float>();
  const int64_t incoming = read.integer();
  for (int64_t k = 0; k < incoming; ++k) {
    const int64_t port = read.integer();
    each.incoming.push_back(read_projection(read));
    each.incoming.back().port = port;
  }
  return each;
}

inline Plan read_plan(Reader& read) {
  Plan plan;
  plan.samples = read.integer();
  plan.steps = read.integer();
  plan.stepwise = read.flag();
  const int64_t sources = read.integer();
  for (int64_t k = 0; k < sources; ++k) plan.sources.push_back(read_source(read, plan.steps));
  const int64_t populations = read.integer();
  for (int64_t k = 0; k < populations; ++k) plan.populations.push_back(read_population(read));
  if (!read.done()) throw std::invalid_argument("the plan goes on after its end");
  for (Population& population : plan.populations) {
    for (Projection& each : population.incoming) {
      if (!each.gathers(population.block)) continue;
      each.pixels = PixelMap(each.conv, each.map, plan.sources[each.source].size);
    }
  }
  return plan;
}

}  // namespace chipletsim
