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

#include "raster.h"
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

// Counts up to kRows rows, whose sums lie side by side, so that what a group of classes shares
// is added to all of them at once. `lanes` rows keep counts of groups of their own: kRows, or 1
// where there are so many groups that the counts would leave the cache.
template <class Weight, int lanes>
class RowCounter {
 public:
  static constexpr int kRows = 16;
  static_assert(lanes == kRows || lanes == 1);

  RowCounter(const RowCounts& plan, const Own<Weight>& own, const Entries<Weight>& shared)
      : plan_(plan),
        own_(own),
        shared_(shared),
        class_count_(plan.few ? plan.classes : 0),
        class_events_(plan.classes),
        group_count_(plan.groups * lanes),
        group_rows_(plan.groups),
        groups_(plan.groups + 1),
        sums_(plan.quantities * kRows),
        longest_(plan.packages * kRows) {
    int64_t most = static_cast<int64_t>(plan.rasters.size());
    for (const RasterOf& raster : plan.rasters) most += raster.size;
    events_.resize(most + 1);
    times_.resize(plan.few ? plan.classes : 0);
  }

  // Counts rows [first, stop), at most kRows of them.
  void run(int64_t first, int64_t stop) {
    std::fill(sums_.begin(), sums_.end(), 0);
    std::fill(longest_.begin(), longest_.end(), 0.0);
    for (int64_t row = first; row < stop; ++row) {
      count_row(row, row - first);
      if (lanes == 1) add_shared(row - first);
    }
    if (lanes > 1) add_shared(0);
    const int64_t rows = stop - first;
    for (int64_t quantity = 0; quantity < plan_.quantities; ++quantity) {
      std::copy_n(&sums_[quantity * kRows], rows, plan_.direct + quantity * plan_.rows + first);
    }
    for (int64_t p = 0; p < plan_.packages; ++p) {
      std::copy_n(&longest_[p * kRows], rows, plan_.longest + p * plan_.rows + first);
    }
  }

  const std::vector<int64_t>& class_events() const { return class_events_; }

 private:
  void count_row(int64_t row, int64_t place) {
    const int64_t number = plan_.start + row;
    const int64_t sample = number / plan_.row_count;
    plan_.spikes[row] = 0;
    if (sample >= plan_.samples) return;
    const int64_t in_window = plan_.row_begin + number % plan_.row_count;
    if (in_window < plan_.carried) {
      const int64_t at = sample * plan_.carried + in_window;
      const int64_t* direct = plan_.carry_direct + at * plan_.quantities;
      for (int64_t k = 0; k < plan_.quantities; ++k) sums_[k * kRows + place] = direct[k];
      for (int64_t p = 0; p < plan_.packages; ++p) {
        longest_[p * kRows + place] = plan_.carry_longest[at * plan_.packages + p];
      }
      plan_.spikes[row] = plan_.carry_spikes[at];
    }
    plan_.spikes[row] += list(sample, in_window);
    count_groups(place);
    add_own(place);
  }

  // Lists the classes of the events of a row, each once where they are few; returns how many
  // spikes there are.
  int64_t list(int64_t sample, int64_t row) {
    int64_t spikes = 0;
    count_ = 0;
    for (size_t population = 0; population < plan_.rasters.size(); ++population) {
      const RasterOf& raster = plan_.rasters[population];
      const int64_t since = row - plan_.shift - raster.stage;
      if (since < 0 || since % plan_.interval || since / plan_.interval >= plan_.steps) continue;
      const int64_t bytes = raster.row_bytes();
      const uint8_t* bits = raster.bytes + (sample * plan_.steps + since / plan_.interval) * bytes;
      const int32_t* of_neuron = plan_.neuron_class + raster.first;
      for_each_word(bits, bytes, [&](int64_t first, uint64_t word) {
        for (; word; word &= word - 1) {
          const int32_t number = of_neuron[first + __builtin_ctzll(word)];
          if (number < 0) continue;
          ++spikes;
          add_event(number);
        }
      });
      add_event(static_cast<int32_t>(plan_.spike_classes + population));  // its clock
    }
    for (int64_t k = 0; plan_.few && k < count_; ++k) {
      times_[k] = std::exchange(class_count_[events_[k]], 0);
    }
    return spikes;
  }

  void add_event(int32_t number) {
    if (plan_.few && class_count_[number]++) return;
    if (own_.width) __builtin_prefetch(own_.rows + number * own_.width);
    events_[count_++] = number;
  }

  int32_t times(int64_t event) const { return plan_.few ? times_[event] : 1; }

  void count_groups(int64_t place) {
    const int64_t lane = lanes == 1 ? 0 : place;
    for (int64_t k = 0; k < count_; ++k) {
      const int32_t number = events_[k], group = plan_.group[number];
      class_events_[number] += times(k);
      groups_[group_total_] = group;
      group_total_ += group_rows_[group] == 0;
      group_rows_[group] |= 1u << lane;
      group_count_[group * lanes + lane] += times(k);
    }
  }

  // Adds the synaptic operations of the events of a row.
  void add_own(int64_t place) {
    if (!own_.width) {
      for (int64_t k = 0; k < count_; ++k) add(own_.entries, events_[k], times(k), place);
      return;
    }
    for (int64_t j = 0; j < own_.width; j += 2 * kLanes) {
      Lanes low{}, high{};
      for (int64_t k = 0; k < count_; ++k) {
        const uint16_t* row = own_.rows + events_[k] * own_.width + j;
        low += whole(row) * times(k);
        high += whole(row + kLanes) * times(k);
      }
      for (int64_t l = 0; l < kLanes; ++l) {
        sums_[own_.quantity[j + l] * kRows + place] += low[l];
        sums_[own_.quantity[j + kLanes + l] * kRows + place] += high[l];
      }
    }
  }

  // Adds what the groups share that have events, and forgets their events. Where they are those
  // of one row, it lies at `place`.
  void add_shared(int64_t place) {
    for (int64_t k = 0; k < group_total_; ++k) add_group(groups_[k], place);
    group_total_ = 0;
  }

  void add_group(int32_t group, int64_t place) {
    int32_t* counts = &group_count_[group * lanes];
    const uint32_t rows = std::exchange(group_rows_[group], 0u);
    // A vector of all rows takes as long as some three rows one by one.
    if (lanes > 1 && __builtin_popcount(rows) > 3) {
      add_to_all(group, counts);
    } else {
      for (uint32_t left = rows; left; left &= left - 1) {
        const int64_t lane = __builtin_ctz(left);
        add(shared_, group, counts[lane], place + lane);
        for (int64_t p = 0; p < plan_.packages; ++p) {
          double& longest = longest_[p * kRows + place + lane];
          longest = std::max(longest, plan_.group_routes[p * plan_.groups + group]);
        }
      }
    }
    std::fill_n(counts, lanes, 0);
  }

  void add_to_all(int32_t group, const int32_t* counts) {
    int64_t events[kRows];
    double some[kRows];
    for (int l = 0; l < kRows; ++l) {
      events[l] = counts[l];
      some[l] = counts[l] ? 1.0 : 0.0;
    }
    for (int32_t e = shared_.start[group]; e < shared_.start[group + 1]; ++e) {
      int64_t* sums = &sums_[shared_.quantity[e] * kRows];
      const int64_t weight = shared_.weight[e];
      if (weight == 1) {
        for (int l = 0; l < kRows; ++l) sums[l] += events[l];
      } else {
        for (int l = 0; l < kRows; ++l) sums[l] += events[l] * weight;
      }
    }
    for (int64_t p = 0; p < plan_.packages; ++p) {
      const double route = plan_.group_routes[p * plan_.groups + group];
      double* longest = &longest_[p * kRows];
      for (int l = 0; l < kRows; ++l) longest[l] = std::max(longest[l], some[l] * route);
    }
  }

  void add(const Entries<Weight>& entries, int32_t number, int64_t count, int64_t place) {
    for (int32_t e = entries.start[number]; e < entries.start[number + 1]; ++e) {
      sums_[entries.quantity[e] * kRows + place] += count * entries.weight[e];
    }
  }

  typedef int32_t Lanes __attribute__((vector_size(32)));
  static constexpr int64_t kLanes = 8;

  static Lanes whole(const uint16_t* from) {
    typedef uint16_t Halves __attribute__((vector_size(16)));
    Halves halves;
    std::memcpy(&halves, from, sizeof(halves));
    return __builtin_convertvector(halves, Lanes);
  }

  const RowCounts& plan_;
  const Own<Weight>& own_;
  const Entries<Weight>& shared_;
  std::vector<int32_t> class_count_;   // events of each class in the row at hand, where few
  std::vector<int64_t> class_events_;  // in all rows
  std::vector<int32_t> group_count_;   // [groups][lanes]
  std::vector<uint32_t> group_rows_;   // lanes with events, a bit each
  std::vector<int32_t> groups_;        // those with events
  int64_t group_total_ = 0;
  std::vector<int32_t> events_;        // classes of the events of the row at hand
  std::vector<int32_t> times_;         // how often each, where they are few
  int64_t count_ = 0;
  std::vector<int64_t> sums_;          // [quantities][kRows]
  std::vector<double> longest_;        // [packages][kRows]
};

template <class Weight, int lanes>
void count_rows(const RowCounts& plan, const Own<Weight>& own, const Entries<Weight>& shared,
                int threads) {
  using Counter = RowCounter<Weight, lanes>;
  const int64_t blocks = (plan.rows + Counter::kRows - 1) / Counter::kRows;
  threads = busy_threads(blocks, threads);
  std::vector<Counter> counters;
  for (int t = 0; t < threads; ++t) counters.emplace_back(plan, own, shared);
  share(blocks, threads, [&](int thread, int64_t block) {
    const int64_t first = block * Counter::kRows;
    counters[thread].run(first, std::min(first + Counter::kRows, plan.rows));
  });
  std::fill(plan.class_events, plan.class_events + plan.classes, 0);
  for (const Counter& each : counters) {
    for (int64_t k = 0; k < plan.classes; ++k) plan.class_events[k] += each.class_events()[k];
  }
}

template <class Weight>
void count_rows(const RowCounts& plan, const Own<Weight>& own, const Entries<Weight>& shared,
                int threads) {
  constexpr int64_t kManyGroups = 1 << 14;  // 1 MiB of counts
  if (plan.groups > kManyGroups) {
    count_rows<Weight, 1>(plan, own, shared, threads);
  } else {
    count_rows<Weight, RowCounter<Weight, 1>::kRows>(plan, own, shared, threads);
  }
}

}  // namespace chipletsim
