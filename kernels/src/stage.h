// Runs a stage: populations that advance together, over a window of steps of all samples.
//
// A stage in a cycle goes step by step; one that is in none is a single population, which is
// cut into blocks of neurons and groups of samples that go through all steps by themselves.
// Both do the same with a block: list the events of each source, sum their weights, advance
// the neurons, write their spikes.
#pragma once

#include <algorithm>
#include <memory>

#include "plan.h"
#include "threads.h"

namespace chipletsim {

constexpr int64_t kMostRows = 128;             // rows that are added up together, and bytes of
constexpr int64_t kSumBytes = 128 * 1024;      // their sums; those of dense layers are written
constexpr int64_t kDenseSumBytes = 512 * 1024; // panel by panel
constexpr int64_t kListed = 1 << 22;           // events that their lists have room for

inline int64_t bytes_of_sum(const Projection& each) {
  return each.weights == Weights::kFloat32 ? sizeof(double) : sizeof(int32_t);
}

// A rectangle of work: rows are steps of samples, sample by sample.
struct Range {
  int64_t first_sample, stop_sample, first_step, stop_step;
  int64_t steps() const { return stop_step - first_step; }
  int64_t rows() const { return (stop_sample - first_sample) * steps(); }
  bool operator==(const Range& other) const {
    return first_sample == other.first_sample && stop_sample == other.stop_sample &&
           first_step == other.first_step && stop_step == other.stop_step;
  }
};

// What a thread needs to advance one population by some rows: lists of events, and sums, as
// large as they can get.
struct Workspace {
  std::vector<EventLists> lists;        // of each projection
  std::vector<std::vector<PixelLists>> pixels;  // of each projection that gathers, by row
  std::vector<std::vector<char>> sums;  // of each projection, [rows][block]
  Range listed{-1, -1, -1, -1};         // the rows whose events are in the lists

  Workspace(const Population& population, int64_t rows) {
    const int64_t block = std::min(population.block, population.padded());
    for (const Projection& each : population.incoming) {
      lists.emplace_back();
      pixels.emplace_back();
      sums.emplace_back();
      if (each.kind == Kind::kCurrents) continue;
      lists.back().reserve(rows, each.map, each.with_values);
      sums.back().assign(rows * block * bytes_of_sum(each), 0);
      if (each.gathers(population.block)) pixels.back().resize(rows);
    }
  }

  // Whether no event of a row comes over a projection, so that all its sums are zero.
  bool silent(const Population& population, size_t projection, int64_t row) const {
    if (population.incoming[projection].kind == Kind::kCurrents) return false;
    if (!pixels[projection].empty() && pixels[projection][row].filled) return false;
    return lists[projection].row(row).count == 0;
  }
};

class Stage {
 public:
  explicit Stage(Plan plan) : plan_(std::move(plan)) {}

  // Runs it on at most so many threads.
  void run(int threads) {
    if (plan_.samples == 0 || plan_.steps == 0) return;
    if (plan_.stepwise) {
      run_stepwise(threads);
    } else {
      for (const Population& each : plan_.populations) run_layer(each, threads);
    }
  }

 private:
  // ---- the two orders ----

  void run_layer(const Population& population, int threads) {
    const int64_t rows = rows_together(population);
    const int64_t steps = std::min(plan_.steps, rows);
    const int64_t even = (plan_.samples + threads - 1) / threads;
    const int64_t samples = std::clamp<int64_t>(rows / steps, 1, even);
    const int64_t groups = (plan_.samples + samples - 1) / samples;
    const int64_t units = groups * population.blocks();
    threads = busy_threads(units, threads);
    std::vector<std::unique_ptr<Workspace>> spaces;
    for (int t = 0; t < threads; ++t) {
      spaces.push_back(std::make_unique<Workspace>(population, samples * steps));
    }
    share(units, threads, [&](int thread, int64_t unit) {
      const int64_t first = unit / population.blocks() * samples;
      const int64_t block = unit % population.blocks();
      for (int64_t step = 0; step < plan_.steps; step += steps) {
        const Range range{first, std::min(first + samples, plan_.samples), step,
                          std::min(step + steps, plan_.steps)};
        advance(population, range, block, block + 1, *spaces[thread]);
      }
    });
  }

  void run_stepwise(int threads) {
    const bool apart = plan_.samples >= threads;  // a thread for each sample, else for blocks
    std::vector<int64_t> blocks;
    for (const Population& each : plan_.populations) blocks.push_back(each.blocks());
    const int64_t units = apart ? plan_.samples : *std::max_element(blocks.begin(), blocks.end());
    threads = busy_threads(units, threads);
    std::vector<std::vector<std::unique_ptr<Workspace>>> spaces(threads);
    for (auto& own : spaces) {
      for (const Population& each : plan_.populations) {
        own.push_back(std::make_unique<Workspace>(each, 1));
      }
    }
    auto step = [&](int thread, int64_t sample, int64_t round, size_t k, int64_t first,
                    int64_t stop) {
      advance(plan_.populations[k], Range{sample, sample + 1, round, round + 1}, first, stop,
              *spaces[thread][k]);
    };
    if (apart) {
      share(plan_.samples, threads, [&](int thread, int64_t sample) {
        for (int64_t round = 0; round < plan_.steps; ++round) {
          for (size_t k = 0; k < blocks.size(); ++k) step(thread, sample, round, k, 0, blocks[k]);
        }
      });
      return;
    }
    Phases phases(blocks, threads);
    on_threads(threads, [&](int thread) {
      // Samples one after the other: a round is a step of one of them.
      phases.run(thread, plan_.samples * plan_.steps, [&](int64_t round, size_t k, int64_t block) {
        step(thread, round / plan_.steps, round % plan_.steps, k, block, block + 1);
      });
    });
  }

  // Rows whose sums are added up together, so that weights in the cache serve all of them.
  int64_t rows_together(const Population& population) const {
    int64_t bytes = 1, listed = 1, most = kDenseSumBytes;
    for (const Projection& each : population.incoming) {
      bytes += std::min(population.block, population.padded()) * bytes_of_sum(each);
      if (each.kind != Kind::kDense) most = kSumBytes;
      listed = std::max(listed, each.map.largest);
    }
    return std::clamp<int64_t>(std::min(most / bytes, kListed / listed), 1, kMostRows);
  }

  // ---- what both do ----

  void advance(const Population& population, const Range& range, int64_t first_block,
               int64_t stop_block, Workspace& space) {
    if (first_block == stop_block) return;
    if (!(space.listed == range)) {
      for (size_t p = 0; p < population.incoming.size(); ++p) {
        list_rows(population.incoming[p], range, space.lists[p], space.pixels[p]);
      }
      space.listed = range;
    }
    for (int64_t block = first_block; block < stop_block; ++block) {
      const int64_t first = block * population.block;
      const int64_t stop = std::min(first + population.block, population.size);
      for (size_t p = 0; p < population.incoming.size(); ++p) {
        add_rows_of(population.incoming[p], population, range, block, space, p);
      }
      for (int64_t row = 0; row < range.rows(); ++row) {
        finish(population, range, row, first, stop, space);
      }
    }
  }

  void list_rows(const Projection& each, const Range& range, EventLists& lists,
                 std::vector<PixelLists>& pixels) const {
    if (each.kind == Kind::kCurrents) return;
    const Source& source = plan_.sources[each.source];
    int64_t at = 0;
    for (int64_t row = 0; row < range.rows(); ++row) {
      const int64_t sample = range.first_sample + row / range.steps();
      const int64_t step = range.first_step + row % range.steps() - each.delay;
      lists.first[row] = at;
      if (!pixels.empty()) {
        pixels[row].fill(each.conv, each.pixels, source.bit_row(sample, step), words_of(source.size));
        if (pixels[row].filled) continue;
      }
      at = list_events(source, each.map, sample, step, lists, at);
      if (!each.with_values) continue;
      const float *first = lists.value.data() + lists.first[row], *end = lists.value.data() + at;
      lists.ones[row] = std::all_of(first, end, [](float value) { return value == 1; });
    }
    lists.first[range.rows()] = at;
  }

  static void add_rows_of(const Projection& each, const Population& population, const Range& range,
                          int64_t block, Workspace& space, size_t p) {
    switch (each.weights) {
      case Weights::kInt8:
        return add_weights<int8_t>(each, population, range, block, space, p);
      case Weights::kInt16:
        return add_weights<int16_t>(each, population, range, block, space, p);
      case Weights::kFloat32:
        return add_weights<float>(each, population, range, block, space, p);
    }
  }

  template <class Weight>
  static void add_weights(const Projection& each, const Population& population, const Range& range,
                          int64_t block, Workspace& space, size_t p) {
    const EventLists& lists = space.lists[p];
    const int64_t first = block * population.block;
    const int64_t stop = std::min(first + population.block, population.size);
    const int64_t width = std::min(population.block, population.padded());
    auto* sums = reinterpret_cast<Sum<Weight>*>(space.sums[p].data());
    const auto* weight = static_cast<const Weight*>(each.weight);
    switch (each.kind) {
      case Kind::kSparse: {
        const int64_t start = each.block_start[block];
        const SparseBlock<Weight> part{each.row_start + block * (each.source_size + 1),
                                       each.target + start, weight + start};
        for (int64_t row = 0; row < range.rows(); ++row) {
          add_sparse(part, lists.row(row), sums + row * width);
        }
        return;
      }
      case Kind::kDense:
        for (int64_t j = first; j < stop; j += kPanel) {
          const Weight* panel = weight + j * each.source_size;
          for (int64_t row = 0; row < range.rows(); ++row) {
            sum_panel(panel, lists.row(row), sums + row * width + (j - first));
          }
        }
        return;
      case Kind::kConv:
        for (int64_t row = 0; row < range.rows(); ++row) {
          if (!space.pixels[p].empty() && space.pixels[p][row].filled) {
            const int64_t channels = each.conv.out_channels;
            gather_conv(each.conv, weight, each.pixels, space.pixels[p][row], first / channels,
                        stop / channels, sums + row * width);
          } else {
            scatter_conv(each.conv, each.along_y, each.along_x, weight, lists.row(row), first, stop,
                         sums + row * width);
          }
        }
        return;
      case Kind::kCurrents:
        return;
    }
  }

  // Turns sums into currents, advances neurons and writes their events, chunk by chunk.
  void finish(const Population& population, const Range& range, int64_t row, int64_t first,
              int64_t stop, Workspace& space) const {
    const int64_t sample = range.first_sample + row / range.steps();
    const int64_t step = range.first_step + row % range.steps();
    const int64_t width = std::min(population.block, population.padded());
    float current[kMostPorts * kChunk];  // of each port of the model
    const int64_t ports = ports_of(population.model);
    int speaking = 0;  // to the first port, which takes the bias
    for (size_t p = 0; p < population.incoming.size(); ++p) {
      speaking += population.incoming[p].port == 0 && !space.silent(population, p, row);
    }
    // The bias comes last; where it is one of two terms, either may come first.
    const bool begin_with_bias = population.bias && speaking < 2;
    for (int64_t chunk = first; chunk < stop; chunk += kChunk) {
      const int64_t words = words_of(std::min(kChunk, stop - chunk));
      for (int64_t j = 0; j < words * 64; ++j) {
        current[j] = begin_with_bias ? 0.0f + population.bias[chunk + j] : 0.0f;
      }
      std::fill(current + kChunk, current + ports * kChunk, 0.0f);
      for (size_t p = 0; p < population.incoming.size(); ++p) {
        const Projection& each = population.incoming[p];
        if (space.silent(population, p, row)) continue;
        float* total = current + each.port * kChunk;
        if (each.kind == Kind::kCurrents) {
          const float* given = each.current + (sample * plan_.steps + step) * population.size;
          const int64_t count = std::min(kChunk, stop - chunk);
          for (int64_t j = 0; j < count; ++j) total[j] += given[chunk + j];
          continue;
        }
        const int64_t at = row * width + (chunk - first);
        char* sums = space.sums[p].data();
        if (each.weights == Weights::kFloat32) {
          take_sums(reinterpret_cast<double*>(sums) + at, each.scale, words, total);
        } else {
          take_sums(reinterpret_cast<int32_t*>(sums) + at, each.scale, words, total);
        }
      }
      if (population.bias && !begin_with_bias) {
        for (int64_t j = 0; j < words * 64; ++j) current[j] += population.bias[chunk + j];
      }
      fire(population, sample, step, chunk, stop, current);
    }
  }

  // Adds sums to currents, each rounded once to float32, and clears them.
  static void take_sums(int32_t* sum, float scale, int64_t words, float* current) {
    for (int64_t j = 0; j < words * 64; ++j) {
      current[j] += static_cast<float>(sum[j]) * scale;
      sum[j] = 0;
    }
  }
  static void take_sums(double* sum, float scale, int64_t words, float* current) {
    for (int64_t j = 0; j < words * 64; ++j) {
      current[j] += static_cast<float>(sum[j] * static_cast<double>(scale));
      sum[j] = 0;
    }
  }

  void fire(const Population& population, int64_t sample, int64_t step, int64_t chunk, int64_t stop,
            float* current) const {
    const int64_t count = std::min(kChunk, stop - chunk), words = words_of(count);
    NeuronArrays arrays{};
    for (int k = 0; k < kMostConstants; ++k) {
      arrays.constant[k] = population.constant[k];
      if (arrays.constant[k] && !population.uniform) arrays.constant[k] += chunk;
    }
    for (int64_t k = 0; k < population.states; ++k) {
      arrays.state[k] = population.state[k] + sample * population.padded() + chunk;
    }
    uint64_t spikes[kChunk / 64];
    const bool in_currents =
        population.uniform
            ? advance_neurons<true>(population.model, arrays, current, words, spikes)
            : advance_neurons<false>(population.model, arrays, current, words, spikes);
    const int64_t row = sample * plan_.steps + step;
    if (population.values) {
      const float* values = in_currents ? current : arrays.state[0];
      std::copy(values, values + count, population.values + row * population.size + chunk);
      return;
    }
    if (count % 64) spikes[words - 1] &= (uint64_t{1} << (count % 64)) - 1;
    std::copy(spikes, spikes + words,
              population.bits + row * words_of(population.size) + chunk / 64);
  }

  Plan plan_;
};

}  // namespace chipletsim
