// Counts what the events of hardware rows add to every quantity of the traffic model.
//
// A row holds the spikes of several populations, each of a step of its own. Neurons of one
// traffic class add the same. Of that, the synaptic operations are a class's own; all else it
// shares with its group, the classes with the same source and the same destinations, which is
// counted first and added once. The work grows with events, not with classes.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>
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

// Synaptic operations of each class: as entries, or, where most classes reach most tiles, as
// rows of one number for each tile.
template <class Weight>
struct Own {
  Entries<Weight> entries;
  int64_t width;            // of a row; 0 where there are entries instead
  const uint16_t* rows;     // [classes][width]
  const int32_t* quantity;  // [width]
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
  const double* group_routes;             // [packages][groups], longest route of an event
  bool few;                               // classes: so events are first counted by class
  // made
  int64_t* direct;                        // [quantities][rows]
  int64_t* spikes;                        // [rows]
  double* longest;                        // [packages][rows]
  int64_t* class_events;                  // [classes], in all of these rows
};

template <class Weight>
class RowCounter {
 public:
  RowCounter(const RowCounts& plan, const Own<Weight>& own, const Entries<Weight>& shared,
             int64_t tile)
      : plan_(plan),
        own_(own),
        shared_(shared),
        class_count_(plan.few ? plan.classes : 0),
        class_events_(plan.classes),
        group_count_(plan.groups),
        operations_(own.width),
        sums_(tile * plan.quantities),
        longest_(plan.packages) {
    int64_t most = static_cast<int64_t>(plan.rasters.size());
    for (const RasterOf& raster : plan.rasters) most += raster.size;
    events_.reserve(most);
    groups_.reserve(plan.groups);
  }

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

  const std::vector<int64_t>& class_events() const { return class_events_; }

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
    if (!plan_.few) {
      events_.push_back(number);
    } else if (class_count_[number]++ == 0) {
      events_.push_back(number);
    }
  }

  // Adds what the events of a row add, class by class or one by one.
  void add_entries(int64_t* sums) {
    constexpr size_t kAhead = 12;
    for (size_t k = 0; k < events_.size(); ++k) {
      if (k + kAhead < events_.size()) prefetch(events_[k + kAhead]);
      const int32_t number = events_[k];
      const int64_t count = plan_.few ? std::exchange(class_count_[number], 0) : 1;
      class_events_[number] += count;
      add_own(number, count, sums);
      const int32_t group = plan_.group[number];
      if (group_count_[group] == 0) groups_.push_back(group);
      group_count_[group] += count;
    }
    events_.clear();
    for (int64_t j = 0; j < own_.width; ++j) {
      sums[own_.quantity[j]] += operations_[j];
      operations_[j] = 0;
    }
    for (const int32_t group : groups_) {
      add(shared_, group, group_count_[group], sums);
      group_count_[group] = 0;
      for (int64_t p = 0; p < plan_.packages; ++p) {
        longest_[p] = std::max(longest_[p], plan_.group_routes[p * plan_.groups + group]);
      }
    }
    groups_.clear();
  }

  void prefetch(int32_t number) const {
    __builtin_prefetch(plan_.group + number);
    if (own_.width) {
      const uint16_t* row = own_.rows + number * own_.width;
      for (int64_t j = 0; j < own_.width; j += 32) __builtin_prefetch(row + j);
    } else {
      const int32_t first = own_.entries.start[number];
      __builtin_prefetch(own_.entries.quantity + first);
      __builtin_prefetch(own_.entries.weight + first);
    }
  }

  void add_own(int32_t number, int64_t count, int64_t* sums) {
    if (!own_.width) return add(own_.entries, number, count, sums);
    const uint16_t* row = own_.rows + number * own_.width;
    const int32_t times = static_cast<int32_t>(count);
    for (int64_t j = 0; j < own_.width; ++j) operations_[j] += times * row[j];
  }

  static void add(const Entries<Weight>& entries, int32_t number, int64_t count, int64_t* sums) {
    for (int32_t e = entries.start[number]; e < entries.start[number + 1]; ++e) {
      sums[entries.quantity[e]] += count * entries.weight[e];
    }
  }

  const RowCounts& plan_;
  const Own<Weight>& own_;
  const Entries<Weight>& shared_;
  std::vector<int64_t> class_count_;  // events of each class in the row at hand, where few
  std::vector<int64_t> class_events_; // in all rows
  std::vector<int64_t> group_count_;
  std::vector<int32_t> events_;       // classes of the events; each once, where few
  std::vector<int32_t> groups_;
  std::vector<int32_t> operations_;   // fits: a row's operations on a tile are at most its synapses
  std::vector<int64_t> sums_;
  std::vector<double> longest_;
};

template <class Weight>
void count_rows(const RowCounts& plan, const Own<Weight>& own, const Entries<Weight>& shared,
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
  for (const RowCounter<Weight>& each : counters) {
    for (int64_t k = 0; k < plan.classes; ++k) plan.class_events[k] += each.class_events()[k];
  }
}

}  // namespace chipletsim
