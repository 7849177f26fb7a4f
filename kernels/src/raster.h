// Rasters: one bit a neuron, rows filled up to whole words while the engine works on them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "events.h"
#include "threads.h"

namespace chipletsim {

// Turns rows of neurons numbered position by position, channels side by side, into rows
// numbered channel by channel.
inline void channels_first(const uint64_t* from, int64_t rows, int64_t size, int64_t channels,
                           int threads, uint64_t* to) {
  const int64_t words = words_of(size), positions = size / channels;
  threads = static_cast<int>(std::max<int64_t>(std::min<int64_t>(threads, rows), 1));
  on_threads(threads, [&](int thread) {
    for (int64_t row = rows * thread / threads; row < rows * (thread + 1) / threads; ++row) {
      uint64_t* out = to + row * words;
      std::memset(out, 0, words * sizeof(uint64_t));
      for_each_bit(from + row * words, words, [&](int64_t neuron) {
        const int64_t place = neuron % channels * positions + neuron / channels;
        out[place / 64] |= uint64_t{1} << (place % 64);
      });
    }
  });
}

// Calls found(first, word) for the bits of some bytes, 64 at a time from bit `first` on.
template <class Found>
inline void for_each_word(const uint8_t* bytes, int64_t size, const Found& found) {
  uint64_t word = 0;
  int64_t first = 0;
  for (; first + 8 <= size; first += 8) {
    std::memcpy(&word, bytes + first, sizeof(word));
    found(first * 8, word);
  }
  if (first == size) return;
  word = 0;
  std::memcpy(&word, bytes + first, size - first);
  found(first * 8, word);
}

// Counts the set bits of some bytes.
inline int64_t count_bits(const uint8_t* bytes, int64_t size) {
  int64_t count = 0;
  for_each_word(bytes, size, [&](int64_t, uint64_t word) { count += __builtin_popcountll(word); });
  return count;
}

// Counts the events of each neuron over rows of `bytes` bytes.
inline void count_events(const uint8_t* raster, int64_t rows, int64_t bytes, int64_t size,
                         int64_t* total) {
  std::memset(total, 0, size * sizeof(int64_t));
  for (int64_t row = 0; row < rows; ++row) {
    for_each_word(raster + row * bytes, bytes, [&](int64_t first, uint64_t word) {
      for (; word; word &= word - 1) ++total[first + __builtin_ctzll(word)];
    });
  }
}

}  // namespace chipletsim
