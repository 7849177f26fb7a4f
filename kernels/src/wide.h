// Networks in double precision, step by step: IEEE arithmetic, and sums in one order.
//
// Neurons are cut into blocks. In each step the events of each delay are listed once, in the
// order of their ranks; then each block adds up the weights of its own synapses, in the order
// in which the table has them, and advances its neurons. So however many threads there are,
// each sum is formed by one of them, in the same order.
#pragma once

#include <cfenv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "events.h"
#include "plan.h"
#include "threads.h"
#include "wide_neurons.h"

namespace chipletsim {

// Plain IEEE arithmetic until it goes: numbers below the least normal one are kept, though XLA
// and the other kernels take them for zero.
class PlainArithmetic {
 public:
  PlainArithmetic() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~PlainArithmetic() { std::fesetenv(&before_); }

 private:
  std::fenv_t before_;
};

// A state that is kept after each step.
struct WideRecord {
  int64_t state;
  double* values;  // [samples][steps][size]
};

struct WidePopulation {
  int64_t first, size;
  WideModel model;
  std::vector<WideConstant> constant;
  std::vector<double*> state;      // [samples][size]
  const uint8_t* input = nullptr;  // [samples][steps][bytes], of inputs
  uint8_t* fired = nullptr;        // [samples][steps][bytes], of others
  uint8_t* updated = nullptr;
  std::vector<WideRecord> recorded;

  int64_t bytes() const { return (size + 7) / 8; }
};

struct WidePlan {
  int64_t samples, steps, neurons;
  std::vector<WidePopulation> populations;
  std::vector<int64_t> bounds;     // first neuron of each block, and their number
  std::vector<int64_t> delays;     // the longest first
  const int64_t* start = nullptr;  // [delays][blocks][neurons + 1], by the rank of the source
  const int32_t* target = nullptr;
  const double* weight = nullptr;
  const int32_t* rank = nullptr;   // of each neuron; null where it is its number
  int64_t past;
  const uint8_t* history = nullptr;  // [samples][past][words], bits by rank
  uint8_t* history_after = nullptr;

  int64_t blocks() const { return static_cast<int64_t>(bounds.size()) - 1; }
};

inline WidePopulation read_wide_population(Reader& read) {
  WidePopulation each{};
  each.first = read.integer();
  each.size = read.integer();
  each.model = static_cast<WideModel>(read.integer());
  if (each.model == WideModel::kInput) {
    each.input = read.buffer<uint8_t>();
    return each;
  }
  each.constant.resize(read.integer());
  for (WideConstant& constant : each.constant) {
    constant.uniform = read.flag();
    constant.values = read.buffer<double>();
  }
  each.state.resize(read.integer());
  for (double*& state : each.state) state = read.buffer<double>();
  each.fired = read.buffer<uint8_t>();
  each.updated = read.buffer<uint8_t>();
  each.recorded.resize(read.integer());
  for (WideRecord& record : each.recorded) {
    record.state = read.integer();
    record.values = read.buffer<double>();
  }
  return each;
}

inline WidePlan read_wide(Reader& read) {
  WidePlan plan{};
  plan.samples = read.integer();
  plan.steps = read.integer();
  plan.neurons = read.integer();
  plan.bounds.resize(read.integer() + 1);
  for (int64_t& bound : plan.bounds) bound = read.integer();
  plan.delays.resize(read.integer());
  for (int64_t& delay : plan.delays) delay = read.integer();
  plan.start = read.buffer<int64_t>();
  plan.target = read.buffer<int32_t>();
  plan.weight = read.buffer<double>();
  plan.rank = read.buffer<int32_t>();
  plan.past = read.integer();
  plan.history = read.buffer<uint8_t>();
  plan.history_after = read.buffer<uint8_t>();
  plan.populations.resize(read.integer());
  for (WidePopulation& each : plan.populations) each = read_wide_population(read);
  if (!read.done()) throw std::invalid_argument("the plan says more than is read");
  for (const WidePopulation& each : plan.populations) {
    const size_t constants = each.model == WideModel::kLoihi ? LoihiNeuron::kConstants
                             : each.model == WideModel::kTrueNorth ? TrueNorthNeuron::kConstants
                                                                   : 0;
    if (each.constant.size() != constants) {
      throw std::invalid_argument("a model has another number of constants");
    }
  }
  return plan;
}

// One sample on its way through the steps of a window.
class WideSample {
 public:
  explicit WideSample(const WidePlan& plan)
      : plan_(plan),
        words_(words_of(plan.neurons)),
        rows_((plan.past + 1) * words_),
        current_(plan.neurons),
        lists_(plan.delays.size()) {}

  // Takes up a sample, with the events of its past.
  void begin(int64_t sample) {
    sample_ = sample;
    if (!plan_.past) return;
    const int64_t bytes = words_ * 8;
    for (int64_t k = 0; k < plan_.past; ++k) {
      std::memcpy(row(k - plan_.past), plan_.history + (sample * plan_.past + k) * bytes, bytes);
    }
  }

  // Leaves the events of the last steps for the window that follows.
  void end() {
    const int64_t bytes = words_ * 8;
    for (int64_t k = 0; k < plan_.past; ++k) {
      std::memcpy(plan_.history_after + (sample_ * plan_.past + k) * bytes,
                  row(plan_.steps - plan_.past + k), bytes);
    }
  }

  // Lists the events that arrive in a step. Comes before all blocks of the step.
  void list(int64_t step) {
    for (size_t k = 0; k < plan_.delays.size(); ++k) {
      lists_[k].clear();
      for_each_bit(row(step - plan_.delays[k]), words_, [&](int64_t source) {
        lists_[k].push_back(static_cast<int32_t>(source));
      });
    }
    std::memset(row(step), 0, words_ * sizeof(uint64_t));
  }

  // Advances the neurons of a block.
  void advance(int64_t step, int64_t block) {
    const int64_t begin = plan_.bounds[block], end = plan_.bounds[block + 1];
    add_up(block, begin, end);
    for (const WidePopulation& each : plan_.populations) {
      const int64_t first = std::max(begin, each.first) - each.first;
      const int64_t stop = std::min(end, each.first + each.size) - each.first;
      if (first >= stop) continue;
      switch (each.model) {
        case WideModel::kInput: feed(each, step, first, stop); break;
        case WideModel::kLoihi: neurons<LoihiNeuron>(each, step, first, stop); break;
        case WideModel::kTrueNorth: neurons<TrueNorthNeuron>(each, step, first, stop); break;
      }
    }
  }

 private:
  // Nothing has arrived where a sum still is -0.0: no weight is, so no sum becomes it, and
  // -0.0 + w is what 0.0 + w is.
  static constexpr double kNothing = -0.0;

  uint64_t* row(int64_t step) {
    const int64_t rows = plan_.past + 1;
    return rows_.data() + (step + rows) % rows * words_;
  }

  void add_up(int64_t block, int64_t begin, int64_t end) {
    std::fill(current_.begin() + begin, current_.begin() + end, kNothing);
    double* const current = current_.data();
    for (size_t k = 0; k < lists_.size(); ++k) {
      const int64_t* const start =
          plan_.start + (static_cast<int64_t>(k) * plan_.blocks() + block) * (plan_.neurons + 1);
      for (const int32_t source : lists_[k]) {
        for (int64_t at = start[source]; at < start[source + 1]; ++at) {
          current[plan_.target[at]] += plan_.weight[at];
        }
      }
    }
  }

  // Notes that a neuron has an event; blocks share words where ranks are no numbers.
  void note(int64_t step, int64_t neuron) {
    const int64_t place = plan_.rank ? plan_.rank[neuron] : neuron;
    __atomic_fetch_or(row(step) + place / 64, uint64_t{1} << place % 64, __ATOMIC_RELAXED);
  }

  void feed(const WidePopulation& each, int64_t step, int64_t first, int64_t stop) {
    const uint8_t* const given = each.input + (sample_ * plan_.steps + step) * each.bytes();
    for (int64_t byte = first / 8; byte < (stop + 7) / 8; ++byte) {
      for (unsigned left = given[byte]; left; left &= left - 1) {
        note(step, each.first + byte * 8 + __builtin_ctz(left));
      }
    }
  }

  // Blocks begin at whole bytes of their population.
  template <class Neuron>
  void neurons(const WidePopulation& each, int64_t step, int64_t first, int64_t stop) {
    const int64_t place = sample_ * plan_.steps + step;
    uint8_t* const fired = each.fired + place * each.bytes();
    uint8_t* const updated = each.updated + place * each.bytes();
    double* state[Neuron::kStates];
    for (int k = 0; k < Neuron::kStates; ++k) state[k] = each.state[k] + sample_ * each.size;
    for (int64_t byte = first / 8; byte * 8 < stop; ++byte) {
      unsigned fired_bits = 0, updated_bits = 0;
      for (int64_t i = byte * 8; i < std::min(byte * 8 + 8, stop); ++i) {
        const double sum = current_[each.first + i];
        const bool arrived = !(sum == 0 && std::signbit(sum));
        const WideResult done =
            Neuron::step(each.constant.data(), state, i, arrived ? sum : 0.0, arrived);
        fired_bits |= unsigned{done.fired} << (i - byte * 8);
        updated_bits |= unsigned{done.updated} << (i - byte * 8);
        if (done.fired) note(step, each.first + i);
      }
      fired[byte] = static_cast<uint8_t>(fired_bits);
      updated[byte] = static_cast<uint8_t>(updated_bits);
    }
    for (const WideRecord& record : each.recorded) {
      std::memcpy(record.values + place * each.size + first, state[record.state] + first,
                  (stop - first) * sizeof(double));
    }
  }

  const WidePlan& plan_;
  const int64_t words_;
  int64_t sample_ = 0;
  std::vector<uint64_t> rows_;  // events of the last steps, bits by rank, a ring
  std::vector<double> current_;
  std::vector<std::vector<int32_t>> lists_;  // of each delay, ranks of the events that arrive
};

// Runs a window: each thread samples of its own where there are enough, else all on one sample.
inline void run_wide(const WidePlan& plan, int threads) {
  const bool apart = plan.samples >= threads || plan.blocks() == 1;
  threads = busy_threads(apart ? plan.samples : plan.blocks(), threads);
  std::vector<std::unique_ptr<WideSample>> working;
  for (int k = 0; k < (apart ? threads : 1); ++k) {
    working.push_back(std::make_unique<WideSample>(plan));
  }
  if (apart) {
    share(plan.samples, threads, [&](int thread, int64_t sample) {
      PlainArithmetic plain;
      WideSample& own = *working[thread];
      own.begin(sample);
      for (int64_t step = 0; step < plan.steps; ++step) {
        own.list(step);
        for (int64_t block = 0; block < plan.blocks(); ++block) own.advance(step, block);
      }
      own.end();
    });
    return;
  }
  WideSample& one = *working[0];
  for (int64_t sample = 0; sample < plan.samples; ++sample) {
    one.begin(sample);
    Phases phases({1, plan.blocks()}, threads);
    on_threads(threads, [&](int thread) {
      PlainArithmetic plain;
      phases.run(thread, plan.steps, [&](int64_t step, size_t phase, int64_t block) {
        if (phase == 0) {
          one.list(step);
        } else {
          one.advance(step, block);
        }
      });
    });
    one.end();
  }
}

}  // namespace chipletsim
