// Counts what the events of hardware rows add to every quantity of the traffic model.
//
// A row holds the spikes of several populations, each of a step of its own. Neurons of one
// traffic class add the same, so a row's events are first counted by class; then each class
// that has any adds its own entries, and its count to that of its group, whose classes share
// all others: those with the same source and the same destinations take the same links. The
// work grows with events, not with classes.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "threads.h"

namespace chipletsim {

// What an event of each class adds: entries start[class] up to start[class + 1].
template <class Weight>
struct Entries {
  const int32_t* start;
  const int32_t* quantity;
  const Weight* weight;
};

struct RasterOf {
  const uint8_t* bytes;  // [samples][steps][row_bytes]
  int64_t size;          // neurons
  int64_t stage;         // row of the first step
  int64_t first;         // number of its first neuron in `neuron_class`
  int64_t row_bytes() const { return (size + 7) / 8; }
};

struct RowCounts {
  // given
  int64_t samples, steps, classes, spike_classes, quantities, packages;
  int64_t interval;                       // rows from a step to the next
  int64_t shift;                          // row of stage 0 in the first step
  int64_t row_begin, row_count;           // rows of each sample that are counted
  int64_t start;                          // which of them, sample by sample, comes first
  int64_t rows;                           // how many, empty ones at the end
  int64_t carried;                        // rows that had events before
  const int64_t* carry_direct;            // [samples][carried][quantities]
  const int64_t* carry_spikes;            // [samples][carried]
  const double* carry_longest;            // [samples][carried][packages]
  std::vector<RasterOf> rasters;          // of each population
  const int32_t* neuron_class;            // [neurons], -1 for none
  int64_t groups;
  const int32_t* group;                   // [classes]
  const double* class_routes;             // [packages][classes]
  // made
  int64_t* direct;                        // [quantities][rows]
  int64_t* spikes;                        // [rows]
  double* longest;                        // [packages][rows]
  int64_t* class_events;                  // [classes]
};

template <class Weight>
class RowCounter {
 public:
  RowCounter(const RowCounts& plan, const Entries<Weight>& own, const Entries<Weight>& shared,
             int64_t tile)
      : class_events(plan.classes),
        plan_(plan),
        own_(own),
        shared_(shared),
        count_(plan.classes),
        group_count_(plan.groups),
        sums_(tile * plan.quantities),
        longest_(plan.packages) {
    touched_.reserve(plan.classes);
    touched_groups_.reserve(plan.groups);
  }

  std::vector<int64_t> class_events;

  // Counts rows [first, stop), at most a tile of them, and writes them side by side.
  void run(int64_t first, int64_t stop) {
    std::fill(sums_.begin(), sums_.end(), 0);
    for (int64_t row = first; row < stop; ++row) {
      count_row(row, sums_.data() + (row - first) * plan_.quantities);
    }
    for (int64_t quantity = 0; quantity < plan_.quantities; ++quantity) {
      for (int64_t row = first; row < stop; ++row) {
        plan_.direct[quantity * plan_.rows + row] =
            sums_[(row - first) * plan_.quantities + quantity];
      }
    }
  }

 private:
  void count_row(int64_t row, int64_t* sums) {
    const int64_t place = plan_.start + row;
    const int64_t sample = place / plan_.row_count;
    int64_t spikes = 0;
    std::fill(longest_.begin(), longest_.end(), 0.0);
    if (sample < plan_.samples) {
      const int64_t in_window = plan_.row_begin + place % plan_.row_count;
      if (in_window < plan_.carried) {
        const int64_t at = sample * plan_.carried + in_window;
        std::memcpy(sums, plan_.carry_direct + at * plan_.quantities,
                    plan_.quantities * sizeof(int64_t));
        spikes = plan_.carry_spikes[at];
        for (int64_t p = 0; p < plan_.packages; ++p) {
          longest_[p] = plan_.carry_longest[at * plan_.packages + p];
        }
      }
      spikes += gather(sample, in_window);
      add_entries(sums);
    }
    plan_.spikes[row] = spikes;
    for (int64_t p = 0; p < plan_.packages; ++p) plan_.longest[p * plan_.rows + row] = longest_[p];
  }

  // Counts the events of a row by class; returns how many there are.
  int64_t gather(int64_t sample, int64_t row) {
    int64_t spikes = 0;
    for (size_t population = 0; population < plan_.rasters.size(); ++population) {
      const RasterOf& raster = plan_.rasters[population];
      const int64_t since = row - plan_.shift - raster.stage;
      if (since < 0 || since % plan_.interval || since / plan_.interval >= plan_.steps) continue;
      const int64_t bytes = raster.row_bytes();
      const uint8_t* bits = raster.bytes + (sample * plan_.steps + since / plan_.interval) * bytes;
      const int32_t* of_neuron = plan_.neuron_class + raster.first;
      for (int64_t first = 0; first < bytes; first += 8) {
        uint64_t word = 0;
        std::memcpy(&word, bits + first, bytes - first < 8 ? bytes - first : 8);
        for (; word; word &= word - 1) {
          const int32_t number = of_neuron[first * 8 + __builtin_ctzll(word)];
          if (number < 0) continue;
          ++spikes;
          add_event(number);
        }
      }
      add_event(static_cast<int32_t>(plan_.spike_classes + population));  // its clock
    }
    return spikes;
  }

  void add_event(int32_t number) {
    if (count_[number]++ == 0) touched_.push_back(number);
  }

  void add_entries(int64_t* sums) {
    constexpr size_t kAhead = 8;
    for (size_t k = 0; k < touched_.size(); ++k) {
      if (k + kAhead < touched_.size()) {
        const int32_t ahead = own_.start[touched_[k + kAhead]];
        __builtin_prefetch(own_.quantity + ahead);
        __builtin_prefetch(own_.weight + ahead);
      }
      const int32_t number = touched_[k];
      const int64_t count = count_[number];
      count_[number] = 0;
      class_events[number] += count;
      add(own_, number, count, sums);
      const int32_t group = plan_.group[number];
      if (group_count_[group] == 0) touched_groups_.push_back(group);
      group_count_[group] += count;
      for (int64_t p = 0; p < plan_.packages; ++p) {
        longest_[p] = std::max(longest_[p], plan_.class_routes[p * plan_.classes + number]);
      }
    }
    touched_.clear();
    for (const int32_t group : touched_groups_) {
      add(shared_, group, group_count_[group], sums);
      group_count_[group] = 0;
    }
    touched_groups_.clear();
  }

  static void add(const Entries<Weight>& entries, int32_t number, int64_t count, int64_t* sums) {
    for (int32_t e = entries.start[number]; e < entries.start[number + 1]; ++e) {
      sums[entries.quantity[e]] += count * entries.weight[e];
    }
  }

  const RowCounts& plan_;
  const Entries<Weight>& own_;     // of each class
  const Entries<Weight>& shared_;  // of each group
  std::vector<int64_t> count_;     // events of each class in the row at hand
  std::vector<int64_t> group_count_;
  std::vector<int32_t> touched_;
  std::vector<int32_t> touched_groups_;
  std::vector<int64_t> sums_;
  std::vector<double> longest_;
};

template <class Weight>
void count_rows(const RowCounts& plan, const Entries<Weight>& own, const Entries<Weight>& shared,
                int threads) {
  constexpr int64_t kTile = 16;  // rows that are written side by side
  const int64_t tiles = (plan.rows + kTile - 1) / kTile;
  threads = static_cast<int>(std::min<int64_t>(threads, std::max<int64_t>(tiles, 1)));
  std::vector<RowCounter<Weight>> counters;
  for (int t = 0; t < threads; ++t) counters.emplace_back(plan, own, shared, kTile);
  std::atomic<int64_t> next{0};
  on_threads(threads, [&](int thread) {
    for (int64_t tile = next++; tile < tiles; tile = next++) {
      counters[thread].run(tile * kTile, std::min((tile + 1) * kTile, plan.rows));
    }
  });
  std::fill(plan.class_events, plan.class_events + plan.classes, 0);
  for (const auto& each : counters) {
    for (int64_t c = 0; c < plan.classes; ++c) plan.class_events[c] += each.class_events[c];
  }
}

}  // namespace chipletsim
