// Convolutions driven by events.
//
// Either each event adds to the sums of its targets, tap by tap; or events are listed by pixel, and
// each target position adds up those under its kernel, in registers. The second takes less time
// where many events share a position and its channels fill vectors.
#pragma once

#include <algorithm>
#include <vector>

#include "accumulate.h"

namespace chipletsim {

constexpr int64_t kFilled = 16;  // strides of rows that are read vector by vector

// Targets are numbered position by position, the channels of one side by side. Weights are
// [in channels][kernel y][kernel x][stride], a row for each tap: the out channels of the group.
struct ConvShape {
  int64_t height, width;              // of the source
  int64_t out_height, out_width, out_channels;
  int64_t kernel_y, kernel_x, stride_y, stride_x, top, left, dilation_y, dilation_x;
  int64_t in_per_group, out_per_group;
  int64_t stride;  // weights from one row of them to the next, zeros at its end

  int64_t groups() const { return out_channels / out_per_group; }
  // Whether rows of weights are whole vectors, and blocks of targets whole positions.
  bool fills(int64_t block) const { return stride % kFilled == 0 && block % out_channels == 0; }
};

// Taps of a kernel along one axis: those of input i are first[i] up to first[i + 1].
struct Taps {
  struct Tap {
    int32_t kernel, out;
  };
  std::vector<int32_t> first{0};
  std::vector<Tap> taps;

  Taps() = default;
  Taps(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride, int64_t before,
       int64_t dilation) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t at = i + before - k * dilation;
        if (at < 0 || at % stride || at / stride >= outputs) continue;
        taps.push_back({static_cast<int32_t>(k), static_cast<int32_t>(at / stride)});
      }
      first.push_back(static_cast<int32_t>(taps.size()));
    }
  }
};

// Adds a row of weights, times the value of an event where it has one.
template <class Weight>
inline void add_row(const Weight* __restrict row, const float* value, int64_t size,
                    Sum<Weight>* __restrict into) {
  if constexpr (std::is_same_v<Weight, float>) {
    if (value) {
      const double times = *value;
      for (int64_t c = 0; c < size; ++c) into[c] += times * row[c];
      return;
    }
  }
  for (int64_t c = 0; c < size; ++c) into[c] += row[c];
}

// Adds to the targets [first, stop), tap by tap.
template <class Weight>
void scatter_conv(const ConvShape& shape, const Taps& along_y, const Taps& along_x,
                  const Weight* weight, const Events& events, int64_t first, int64_t stop,
                  Sum<Weight>* sum) {
  const auto width = static_cast<uint32_t>(shape.width);
  const uint32_t plane = static_cast<uint32_t>(shape.height) * width;
  const int64_t size = shape.out_per_group, line_size = shape.out_width * shape.out_channels;
  for (int64_t event = 0; event < events.count; ++event) {
    const uint32_t channel = events.number[event] / plane, place = events.number[event] % plane;
    const uint32_t y = place / width, x = place % width;
    const int64_t group = channel / static_cast<uint32_t>(shape.in_per_group);
    const Weight* taps = weight + channel * shape.kernel_y * shape.kernel_x * shape.stride;
    const float* value = events.value ? events.value + event : nullptr;
    for (int32_t ty = along_y.first[y]; ty < along_y.first[y + 1]; ++ty) {
      const int64_t line = along_y.taps[ty].out * line_size;
      if (line + line_size <= first || line >= stop) continue;
      for (int32_t tx = along_x.first[x]; tx < along_x.first[x + 1]; ++tx) {
        const int64_t at = line + along_x.taps[tx].out * shape.out_channels + group * size;
        const int64_t begin = std::max(at, first), count = std::min(at + size, stop) - begin;
        if (count <= 0) continue;  // in other blocks
        const int64_t tap = along_y.taps[ty].kernel * shape.kernel_x + along_x.taps[tx].kernel;
        add_row(taps + tap * shape.stride + (begin - at), value, count, sum + begin - first);
      }
    }
  }
}

// Which pixels, and channels there, the events of each neuron of the source stand for, pooling in
// front included. Pixels go group by group.
struct PixelMap {
  struct Place {
    uint32_t pixel, channel;
  };
  std::vector<uint32_t> start;  // [neurons + 1]
  std::vector<Place> places;
  std::vector<uint32_t> room;  // [pixels + 1], where the list of each pixel begins

  PixelMap() = default;
  PixelMap(const ConvShape& shape, const EventMap& map, int64_t neurons) {
    const int64_t plane = shape.height * shape.width;
    room.assign(shape.groups() * plane + 1, 0);
    start.push_back(0);
    auto add = [&](int64_t number) {
      const int64_t channel = number / plane, group = channel / shape.in_per_group;
      places.push_back({static_cast<uint32_t>(group * plane + number % plane),
                        static_cast<uint32_t>(channel)});
      ++room[places.back().pixel + 1];
    };
    for (int64_t neuron = 0; neuron < neurons; ++neuron) {
      map.for_each(neuron, add);
      start.push_back(static_cast<uint32_t>(places.size()));
    }
    for (size_t pixel = 1; pixel < room.size(); ++pixel) room[pixel] += room[pixel - 1];
  }
  int64_t pixels() const { return static_cast<int64_t>(room.size()) - 1; }
};

// Channels of the spikes of each pixel in a row, with room for all there can be. Nothing is listed
// where there are too few for it to be worth it: a look at a pixel under a kernel takes about as
// long as the vector or two that each event saves.
struct PixelLists {
  bool filled = false;
  std::vector<uint32_t> stop;  // [pixels], from PixelMap::room on
  std::vector<uint32_t> channel;

  void fill(const ConvShape& shape, const PixelMap& map, const uint64_t* row, int64_t words) {
    const int64_t events = count_bits(row, words);
    filled = events * shape.out_per_group >= kFilled * map.pixels();
    if (!filled) return;
    channel.resize(map.places.size());
    stop.assign(map.room.begin(), map.room.end() - 1);
    const uint32_t* start = map.start.data();
    const PixelMap::Place* places = map.places.data();
    uint32_t *stops = stop.data(), *channels = channel.data();
    for_each_bit(row, words, [=](int64_t neuron) {
      for (uint32_t k = start[neuron]; k < start[neuron + 1]; ++k) {
        channels[stops[places[k].pixel]++] = places[k].channel;
      }
    });
  }
};

// Sums `width` channels, from `channel` on, at one position of one group.
template <class Weight, int64_t width>
inline void sum_position(const ConvShape& shape, const Weight* weight, const PixelMap& map,
                         const PixelLists& lists, int64_t group, int64_t y, int64_t x,
                         Sum<Weight>* sum) {
  Columns<Weight, width> columns;
  const int64_t row = shape.kernel_y * shape.kernel_x * shape.stride;
  const int64_t plane = shape.height * shape.width;
  for (int64_t ky = 0; ky < shape.kernel_y; ++ky) {
    const int64_t in_y = y * shape.stride_y + ky * shape.dilation_y - shape.top;
    if (in_y < 0 || in_y >= shape.height) continue;
    for (int64_t kx = 0; kx < shape.kernel_x; ++kx) {
      const int64_t in_x = x * shape.stride_x + kx * shape.dilation_x - shape.left;
      if (in_x < 0 || in_x >= shape.width) continue;
      const int64_t pixel = group * plane + in_y * shape.width + in_x;
      const int64_t at = map.room[pixel];
      const Events here{lists.channel.data() + at, nullptr, lists.stop[pixel] - at};
      columns.add(weight + (ky * shape.kernel_x + kx) * shape.stride, row, here);
    }
  }
  columns.store(sum);
}

// Writes the sums of positions [begin, stop).
template <class Weight>
void gather_conv(const ConvShape& shape, const Weight* weight, const PixelMap& map,
                 const PixelLists& lists, int64_t begin, int64_t stop, Sum<Weight>* sum) {
  constexpr int64_t kWide = kWidest<Weight>;
  for (int64_t position = begin; position < stop; ++position) {
    const int64_t y = position / shape.out_width, x = position % shape.out_width;
    for (int64_t group = 0; group < shape.groups(); ++group) {
      auto some = [&](auto width, int64_t channel, Sum<Weight>* into) {
        sum_position<Weight, decltype(width)::value>(shape, weight + channel, map, lists, group,
                                                     y, x, into);
      };
      const int64_t size = shape.out_per_group;
      int64_t c = 0;
      for (; c + kWide <= size; c += kWide) {
        some(std::integral_constant<int64_t, kWide>{}, c, sum + c);
      }
      for (; c < size; c += kFilled) {
        Sum<Weight> piece[kFilled];
        some(std::integral_constant<int64_t, kFilled>{}, c, piece);
        std::copy(piece, piece + std::min(kFilled, size - c), sum + c);
      }
      sum += size;
    }
  }
}

}  // namespace chipletsim
