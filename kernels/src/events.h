// Events of a population, and the lists of them that drive everything else.
#pragma once

#include <cstdint>
#include <vector>

namespace chipletsim {

inline int64_t words_of(int64_t neurons) { return (neurons + 63) / 64; }

// Events of a population before and during a window: bits, or values where it is graded.
// Rows are [samples][steps]; those before the window, [samples][past], come last first.
struct Source {
  int64_t size = 0;
  bool graded = false;
  int64_t steps = 0;
  int64_t past = 0;  // steps kept from before the window
  const uint64_t* bits = nullptr;
  const uint64_t* past_bits = nullptr;
  const float* values = nullptr;
  const float* past_values = nullptr;

  const uint64_t* bit_row(int64_t sample, int64_t step) const {
    const int64_t words = words_of(size);
    return step >= 0 ? bits + (sample * steps + step) * words
                     : past_bits + (sample * past + past + step) * words;
  }
  const float* value_row(int64_t sample, int64_t step) const {
    return step >= 0 ? values + (sample * steps + step) * size
                     : past_values + (sample * past + past + step) * size;
  }
};

// Numbers that a projection knows the neurons of its source by: number[start[i]] up to
// number[start[i + 1]] for neuron i, none or several behind a pooling; i itself without a map.
struct EventMap {
  const int32_t* start = nullptr;
  const int32_t* number = nullptr;
  int64_t largest = 0;  // most entries of a row: every neuron has an event
  int64_t pooled = 0;   // where sums over windows are rounded before use: how many there are
  float pooled_weight = 1;

  // Calls found(number) for each number that a neuron is known by.
  template <class Found>
  void for_each(int64_t neuron, const Found& found) const {
    if (!start) return found(neuron);
    for (int64_t k = start[neuron]; k < start[neuron + 1]; ++k) found(number[k]);
  }
};

// Events of one row: numbers, and values (null where they are spikes).
struct Events {
  const uint32_t* number;
  const float* value;
  int64_t count;
};

// Events of several rows: numbers, and values where they are graded. Both have room for rows
// in which everything has an event, so none is ever dropped.
struct EventLists {
  std::vector<uint32_t> number;
  std::vector<float> value;
  std::vector<int64_t> first;  // [rows + 1]
  std::vector<char> ones;      // [rows], whether all values of a row are 1
  std::vector<double> sums;    // of windows, where these are rounded

  void reserve(int64_t rows, const EventMap& map, bool with_values) {
    number.resize(rows * map.largest + 1);
    if (with_values) value.resize(rows * map.largest + 1);
    first.resize(rows + 1);
    ones.resize(rows);
    sums.assign(map.pooled, 0.0);
  }
  Events row(int64_t row) const {
    const bool spikes = value.empty() || ones[row];
    return {number.data() + first[row], spikes ? nullptr : value.data() + first[row],
            first[row + 1] - first[row]};
  }
};

inline int64_t count_bits(const uint64_t* row, int64_t words) {
  int64_t count = 0;
  for (int64_t word = 0; word < words; ++word) count += __builtin_popcountll(row[word]);
  return count;
}

// Calls found(neuron) for each set bit.
template <class Found>
inline void for_each_bit(const uint64_t* row, int64_t words, const Found& found) {
  for (int64_t word = 0; word < words; ++word) {
    uint64_t left = row[word];
    while (left) {
      found(word * 64 + __builtin_ctzll(left));
      left &= left - 1;
    }
  }
}

// Calls found(neuron, value) for each event of a row; the value of a spike is 1.
template <class Found>
inline void for_each_event(const Source& source, int64_t sample, int64_t step, const Found& found) {
  if (!source.graded) {
    for_each_bit(source.bit_row(sample, step), words_of(source.size),
                 [&](int64_t neuron) { found(neuron, 1.0f); });
    return;
  }
  const float* row = source.value_row(sample, step);
  for (int64_t neuron = 0; neuron < source.size; ++neuron) {
    if (row[neuron] != 0) found(neuron, row[neuron]);
  }
}

// Writes the events of one row to a list, from position `at` on; returns where they end.
inline int64_t list_events(const Source& source, const EventMap& map, int64_t sample, int64_t step,
                           EventLists& lists, int64_t at) {
  const bool with_values = !lists.value.empty();
  auto add = [&](int64_t number, float value) {
    lists.number[at] = static_cast<uint32_t>(number);
    if (with_values) lists.value[at] = value;
    ++at;
  };
  if (!map.pooled) {
    for_each_event(source, sample, step, [&](int64_t neuron, float value) {
      map.for_each(neuron, [&](int64_t number) { add(number, value); });
    });
    return at;
  }
  for_each_event(source, sample, step, [&](int64_t neuron, float value) {
    map.for_each(neuron, [&](int64_t number) { lists.sums[number] += static_cast<double>(value); });
  });
  for (int64_t number = 0; number < map.pooled; ++number) {
    const float pooled = static_cast<float>(lists.sums[number] * map.pooled_weight);
    lists.sums[number] = 0;
    if (pooled != 0) add(number, pooled);
  }
  return at;
}

}  // namespace chipletsim
