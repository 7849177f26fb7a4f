// Turns what the events of hardware rows add by themselves into all that is counted of the rows,
// and adds it up: over all rows, and over the links and tiles of each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "threads.h"

namespace chipletsim {

// Sums over links and tiles of a row, in this order.
enum Step : int64_t {
  kOperations,
  kMessages,
  kInjected,
  kDelivered,
  kHops,
  kBits,         // on chip, then across dies
  kWireBits = kBits + 2,
  kUpdates = kWireBits + 2,
  kSteps
};

struct RowNumbers {
  // given
  int64_t rows;
  int64_t tiles, links, routers;
  int64_t cells, on_tiles, blocks;        // direct quantities: packets on cells, numbers of
                                          // tiles, drives of crossbar blocks
  int64_t of_crossbars;                   // numbers of tiles that follow from crossbar blocks
  const int64_t* direct;                  // [cells + on_tiles + blocks][rows]
  const int32_t* start;                   // [derived quantities + 1]
  const int32_t* column;                  // cells, then drives, reads, position reads of blocks
  const int64_t* weight;
  const int64_t* reads;                   // [blocks], most in a row
  const int64_t* positions;               // [blocks]
  const int64_t* payload_bits;            // [links], of a frame; 0 without frames
  const int64_t* frame_bits;              // [links], of a frame on the wire
  const bool* between;                    // [links], whether they join dies
  int64_t operations, input, own, memory, updates;  // which numbers of tiles, -1 for none
  // made
  int64_t* tile_amounts;                  // [on_tiles + of_crossbars][rows]
  int64_t* wire_bits;                     // [links][rows]
  int64_t* total;                         // derived ones of the network, tiles', wire bits
  int64_t* steps;                         // [kSteps][rows]
  int64_t* busiest;                       // [links], most wire bits of a row
};

class RowBlocks {
 public:
  static constexpr int64_t kRows = 64;

  explicit RowBlocks(const RowNumbers& all)
      : all_(all), capped_(2 * all.blocks * kRows), total_(total_size(all)), busiest_(all.links) {}

  static int64_t total_size(const RowNumbers& all) {
    return 3 * (all.links + all.routers) + all.on_tiles + all.of_crossbars;
  }

  // Counts rows [first, first + count), at most kRows of them.
  void run(int64_t first, int64_t count) {
    first_ = first;
    count_ = count;
    std::fill(&step_[0][0], &step_[0][0] + kSteps * kRows, 0);
    cap_blocks();
    numbers_of_tiles();
    numbers_of_network();
    for (int64_t step = 0; step < kSteps; ++step) {
      std::copy_n(step_[step], count, all_.steps + step * all_.rows + first);
    }
  }

  void add_to(int64_t* total, int64_t* busiest) const {
    for (size_t k = 0; k < total_.size(); ++k) total[k] += total_[k];
    for (size_t k = 0; k < busiest_.size(); ++k) busiest[k] = std::max(busiest[k], busiest_[k]);
  }

 private:
  const int64_t* direct(int64_t quantity) const {
    return all_.direct + quantity * all_.rows + first_;
  }

  // An array of a crossbar is read at most once for each output position.
  void cap_blocks() {
    for (int64_t block = 0; block < all_.blocks; ++block) {
      const int64_t* drives = direct(all_.cells + all_.on_tiles + block);
      int64_t* reads = &capped_[block * kRows];
      int64_t* position_reads = &capped_[(all_.blocks + block) * kRows];
      for (int64_t r = 0; r < count_; ++r) {
        reads[r] = std::min(drives[r], all_.reads[block]);
        position_reads[r] = std::min(drives[r], all_.positions[block]);
      }
    }
  }

  void numbers_of_tiles() {
    int64_t* total = &total_[2 * all_.links + 3 * all_.routers];
    for (int64_t k = 0; k < all_.on_tiles; ++k) {
      const int64_t* amount = direct(all_.cells + k);
      const int64_t name = k / all_.tiles;
      if (name == all_.operations) add(amount, step_[kOperations]);
      if (name == all_.input) add(amount, step_[kMessages]);
      if (name == all_.input || name == all_.memory) add(amount, step_[kDelivered]);
      if (name == all_.own) subtract(amount, step_[kDelivered]);
      if (name == all_.updates) add(amount, step_[kUpdates]);
      total[k] += keep(amount, all_.tile_amounts + k * all_.rows);
    }
    const int64_t derived = 2 * all_.links + 3 * all_.routers;
    for (int64_t k = 0; k < all_.of_crossbars; ++k) {
      derive(derived + k);
      const int64_t to = all_.on_tiles + k;
      total[to] += keep(derived_, all_.tile_amounts + to * all_.rows);
    }
  }

  void numbers_of_network() {
    const int64_t bits = all_.links, injected = 2 * all_.links;
    for (int64_t k = 0; k < injected + 3 * all_.routers; ++k) {
      derive(k);
      for (int64_t r = 0; r < count_; ++r) total_[k] += derived_[r];
      if (k < bits) {
        add(derived_, step_[kHops]);
      } else if (k < injected) {
        add(derived_, step_[kBits + all_.between[k - bits]]);
        frame(k - bits);
      } else if (k < injected + all_.routers) {
        add(derived_, step_[kInjected]);
      }
    }
  }

  // Turns the bits of a link into those on its wire: whole frames where it has frames.
  void frame(int64_t link) {
    const int64_t payload = all_.payload_bits[link];
    for (int64_t r = 0; payload && r < count_; ++r) {
      derived_[r] = (derived_[r] + payload - 1) / payload * all_.frame_bits[link];
    }
    add(derived_, step_[kWireBits + all_.between[link]]);
    busiest_[link] = std::max(busiest_[link], *std::max_element(derived_, derived_ + count_));
    total_[total_.size() - all_.links + link] += keep(derived_, all_.wire_bits + link * all_.rows);
  }

  void derive(int64_t quantity) {
    std::fill_n(derived_, kRows, 0);
    for (int32_t e = all_.start[quantity]; e < all_.start[quantity + 1]; ++e) {
      const int64_t* from = inner(all_.column[e]);
      const int64_t weight = all_.weight[e];
      if (weight == 1) {
        add(from, derived_);
      } else {
        for (int64_t r = 0; r < count_; ++r) derived_[r] += weight * from[r];
      }
    }
  }

  const int64_t* inner(int64_t column) const {
    if (column < all_.cells) return direct(column);
    const int64_t block = column - all_.cells;
    if (block < all_.blocks) return direct(all_.cells + all_.on_tiles + block);
    return &capped_[(block - all_.blocks) * kRows];
  }

  // Writes numbers of rows; returns their sum.
  int64_t keep(const int64_t* numbers, int64_t* rows) const {
    int64_t sum = 0;
    for (int64_t r = 0; r < count_; ++r) {
      rows[first_ + r] = numbers[r];
      sum += numbers[r];
    }
    return sum;
  }

  void add(const int64_t* __restrict from, int64_t* __restrict to) const {
    for (int64_t r = 0; r < count_; ++r) to[r] += from[r];
  }

  void subtract(const int64_t* __restrict from, int64_t* __restrict to) const {
    for (int64_t r = 0; r < count_; ++r) to[r] -= from[r];
  }

  const RowNumbers& all_;
  int64_t first_ = 0, count_ = 0;
  int64_t step_[kSteps][kRows];
  int64_t derived_[kRows];
  std::vector<int64_t> capped_;  // reads, then position reads, [blocks][kRows] each
  std::vector<int64_t> total_;
  std::vector<int64_t> busiest_;
};

inline void number_rows(const RowNumbers& all, int threads) {
  // A thread takes as long to begin as some blocks take.
  constexpr int64_t kBlocksEach = 8;
  const int64_t blocks = (all.rows + RowBlocks::kRows - 1) / RowBlocks::kRows;
  threads = busy_threads(blocks / kBlocksEach, threads);
  std::vector<RowBlocks> counters(threads, RowBlocks(all));
  share(blocks, threads, [&](int thread, int64_t block) {
    const int64_t first = block * RowBlocks::kRows;
    counters[thread].run(first, std::min(RowBlocks::kRows, all.rows - first));
  });
  std::fill_n(all.total, RowBlocks::total_size(all), 0);
  std::fill_n(all.busiest, all.links, 0);
  for (const RowBlocks& each : counters) each.add_to(all.total, all.busiest);
}

}  // namespace chipletsim
