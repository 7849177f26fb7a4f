// Gradients of currents, for training: by the weights, driven by events, and by the events.
//
// A current is I[j] = sum_i w[i, j] s[i], so with g the gradient by the currents of a row,
// dw[i, j] += s[i] g[j] for the events of the row alone, and ds[i] = sum_j w[i, j] g[j] for all
// sources. Weights are float32, and each number is added up in the order of the rows, whatever
// the threads.
#pragma once

#include <algorithm>
#include <atomic>

#include "plan.h"
#include "threads.h"

namespace chipletsim {

constexpr int64_t kSourcesTogether = 512;  // whose gradients stay in a near cache
constexpr int64_t kRowsAbreast = 16;       // rows that a weight is multiplied for at once

// What is asked for. Rows are samples of one step.
struct Gradients {
  int64_t rows;
  Source source;
  int64_t targets, block;  // of the target population
  Projection projection;
  const float* given;             // [rows][targets], by the currents
  float* of_weight = nullptr;     // like the weights
  float* of_events = nullptr;     // [rows][sources], of sparse projections
};

inline Gradients read_gradients(Reader& read) {
  Gradients all{};
  all.rows = read.integer();
  all.source = read_source(read, 1);
  all.targets = read.integer();
  all.block = read.integer();
  all.projection = read_projection(read);
  all.given = read.buffer<float>();
  all.of_weight = read.buffer<float>();
  all.of_events = read.buffer<float>();
  if (!read.done()) throw std::invalid_argument("the plan goes on after its end");
  if (all.projection.weights != Weights::kFloat32 || !all.source.graded) {
    throw std::invalid_argument("gradients are of float32 weights and of values");
  }
  return all;
}

// Events of all rows in the order of their numbers.
struct RowEvents {
  std::vector<int64_t> first;  // [rows + 1]
  std::vector<uint32_t> number;
  std::vector<float> value;

  RowEvents(const Source& source, int64_t rows, int threads) : first(rows + 1, 0) {
    share(rows, threads, [&](int, int64_t row) {
      const float* values = source.value_row(row, 0);
      int64_t count = 0;
      for (int64_t i = 0; i < source.size; ++i) count += values[i] != 0;
      first[row + 1] = count;
    });
    for (int64_t row = 0; row < rows; ++row) first[row + 1] += first[row];
    number.resize(first[rows]);
    value.resize(first[rows]);
    share(rows, threads, [&](int, int64_t row) {
      const float* values = source.value_row(row, 0);
      int64_t at = first[row];
      for (int64_t i = 0; i < source.size; ++i) {
        if (values[i] == 0) continue;
        number[at] = static_cast<uint32_t>(i);
        value[at++] = values[i];
      }
    });
  }

  // Calls found(number, value) for the events of a row from number `begin` up to `stop`.
  template <class Found>
  void within(int64_t row, int64_t begin, int64_t stop, const Found& found) const {
    const auto from = number.begin() + first[row], to = number.begin() + first[row + 1];
    for (auto each = std::lower_bound(from, to, begin); each != to && *each < stop; ++each) {
      found(static_cast<int64_t>(*each), value[each - number.begin()]);
    }
  }
};

class Backward {
 public:
  Backward(Gradients all, int threads) : all_(std::move(all)), threads_(threads) {}

  void run() const {
    const Projection& each = all_.projection;
    if (all_.of_events) by_events();
    if (!all_.of_weight) return;
    const RowEvents events(all_.source, all_.rows, threads_);
    switch (each.kind) {
      case Kind::kSparse:
        return sparse(events);
      case Kind::kDense:
        return dense(events);
      case Kind::kConv:
        return conv(events);
      case Kind::kCurrents:
        return;
    }
  }

 private:
  int64_t source_parts() const {
    return (all_.projection.source_size + kSourcesTogether - 1) / kSourcesTogether;
  }
  int64_t blocks() const { return (all_.targets + all_.block - 1) / all_.block; }

  // A panel of 64 targets and some sources at a time.
  void dense(const RowEvents& events) const {
    const int64_t sources = all_.projection.source_size, parts = source_parts();
    share(words_of(all_.targets) * parts, threads_, [&](int, int64_t unit) {
      const int64_t panel = unit / parts, begin = unit % parts * kSourcesTogether;
      const int64_t stop = std::min(begin + kSourcesTogether, sources);
      float* gradient = all_.of_weight + panel * sources * kPanel;
      std::fill(gradient + begin * kPanel, gradient + stop * kPanel, 0.0f);
      const int64_t count = std::min(kPanel, all_.targets - panel * kPanel);
      float given[kPanel] = {};
      for (int64_t row = 0; row < all_.rows; ++row) {
        const float* from = all_.given + row * all_.targets + panel * kPanel;
        std::copy(from, from + count, given);
        events.within(row, begin, stop, [&](int64_t source, float value) {
          float* __restrict into = gradient + source * kPanel;
          for (int64_t j = 0; j < kPanel; ++j) into[j] += value * given[j];
        });
      }
    });
  }

  // An input channel at a time.
  void conv(const RowEvents& events) const {
    const ConvShape& shape = all_.projection.conv;
    const Taps &along_y = all_.projection.along_y, &along_x = all_.projection.along_x;
    const int64_t plane = shape.height * shape.width, size = shape.out_per_group;
    const int64_t kernel = shape.kernel_y * shape.kernel_x * shape.stride;
    share(all_.projection.source_size / plane, threads_, [&](int, int64_t channel) {
      const int64_t group = channel / shape.in_per_group;
      float* gradient = all_.of_weight + channel * kernel;
      std::fill(gradient, gradient + kernel, 0.0f);
      for (int64_t row = 0; row < all_.rows; ++row) {
        const float* given = all_.given + row * all_.targets + group * size;
        events.within(row, channel * plane, (channel + 1) * plane, [&](int64_t place, float value) {
          const int64_t y = place % plane / shape.width, x = place % plane % shape.width;
          for (int32_t ty = along_y.first[y]; ty < along_y.first[y + 1]; ++ty) {
            for (int32_t tx = along_x.first[x]; tx < along_x.first[x + 1]; ++tx) {
              const auto &down = along_y.taps[ty], &across = along_x.taps[tx];
              const int64_t at = down.out * shape.out_width + across.out;
              const int64_t tap = down.kernel * shape.kernel_x + across.kernel;
              const float* __restrict from = given + at * shape.out_channels;
              float* __restrict into = gradient + tap * shape.stride;
              for (int64_t c = 0; c < size; ++c) into[c] += value * from[c];
            }
          }
        });
      }
    });
  }

  // Some sources, and a block of targets, at a time.
  void sparse(const RowEvents& events) const {
    const Projection& each = all_.projection;
    const int64_t sources = each.source_size, parts = source_parts();
    share(blocks() * parts, threads_, [&](int, int64_t unit) {
      const int64_t block = unit / parts, begin = unit % parts * kSourcesTogether;
      const int64_t stop = std::min(begin + kSourcesTogether, sources);
      const uint32_t* row_start = each.row_start + block * (sources + 1);
      const uint16_t* target = each.target + each.block_start[block];
      float* gradient = all_.of_weight + each.block_start[block];
      std::fill(gradient + row_start[begin], gradient + row_start[stop], 0.0f);
      for (int64_t row = 0; row < all_.rows; ++row) {
        const float* given = all_.given + row * all_.targets + block * all_.block;
        events.within(row, begin, stop, [&](int64_t source, float value) {
          for (uint32_t k = row_start[source]; k < row_start[source + 1]; ++k) {
            gradient[k] += value * given[target[k]];
          }
        });
      }
    });
  }

  // Rows abreast: the gradients by one target lie side by side, so a weight takes one vector.
  void by_events() const {
    const Projection& each = all_.projection;
    const int64_t sources = each.source_size, parts = source_parts();
    const int64_t groups = (all_.rows + kRowsAbreast - 1) / kRowsAbreast;
    std::vector<float> abreast(groups * all_.targets * kRowsAbreast, 0.0f);
    share(all_.rows, threads_, [&](int, int64_t row) {
      const float* from = all_.given + row * all_.targets;
      float* to = abreast.data() + row / kRowsAbreast * all_.targets * kRowsAbreast;
      for (int64_t j = 0; j < all_.targets; ++j) {
        to[j * kRowsAbreast + row % kRowsAbreast] = from[j];
      }
    });
    share(groups * parts, threads_, [&](int, int64_t unit) {
      const int64_t group = unit / parts, begin = unit % parts * kSourcesTogether;
      const int64_t stop = std::min(begin + kSourcesTogether, sources);
      const int64_t rows = std::min(kRowsAbreast, all_.rows - group * kRowsAbreast);
      for (int64_t source = begin; source < stop; ++source) {
        float total[kRowsAbreast] = {};
        for (int64_t block = 0; block < blocks(); ++block) {
          const uint32_t* row_start = each.row_start + block * (sources + 1);
          const uint16_t* target = each.target + each.block_start[block];
          const float* weight = static_cast<const float*>(each.weight) + each.block_start[block];
          const float* given =
              abreast.data() + (group * all_.targets + block * all_.block) * kRowsAbreast;
          for (uint32_t k = row_start[source]; k < row_start[source + 1]; ++k) {
            const float* __restrict from = given + target[k] * kRowsAbreast;
            for (int64_t r = 0; r < kRowsAbreast; ++r) total[r] += weight[k] * from[r];
          }
        }
        for (int64_t r = 0; r < rows; ++r) {
          all_.of_events[(group * kRowsAbreast + r) * sources + source] = total[r];
        }
      }
    });
  }

  const Gradients all_;
  const int threads_;
};

}  // namespace chipletsim
