// Bursts on threads, whatever follows their packets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "burst.h"
#include "threads.h"

namespace chipletsim {

// Follows bursts on one network, one after the other.
class BurstRun {
 public:
  virtual ~BurstRun() = default;
  virtual void run(int64_t burst, int64_t* history) = 0;
  virtual PortCounts& counts(int64_t port) = 0;
};

inline void add_counts(PortCounts& total, const PortCounts& own) {
  total.flits += own.flits;
  total.waited += own.waited;
  total.starved += own.starved;
  total.most_queued = std::max(total.most_queued, own.most_queued);
  total.frames += own.frames;
  total.asleep += own.asleep;
  total.busy += own.busy;
  total.framed_bits += own.framed_bits;
}

// Most bits of a flit of any kind in a frame of a port.
inline int64_t most_bits(const Bursts& all, const NetworkRow& network, int64_t port) {
  const int64_t* bits = all.kind_bits + network.interval + port * network.kinds;
  return network.kinds ? *std::max_element(bits, bits + network.kinds) : 0;
}

// Frames that bits take on a link; what is sent together goes in as few of them as hold it.
inline int64_t frames_of(int64_t bits, int64_t frame_bits) {
  return std::max<int64_t>(1, (bits + frame_bits - 1) / frame_bits);
}

inline int64_t aligned(int64_t time, int64_t cycle) {
  return cycle == 1 ? time : (time + cycle - 1) / cycle * cycle;
}

// Runs bursts, each on whichever thread comes for it, by what make(all, network) gives for a
// network. Counts are added up at the end; where those of each burst are asked for, a run begins
// every burst with none.
template <class Make>
void run_bursts(const Bursts& all, int64_t networks, int64_t ports, int threads, const Make& make) {
  threads = busy_threads(all.bursts, threads);
  std::vector<std::vector<std::unique_ptr<BurstRun>>> runs(threads);
  std::vector<std::vector<int64_t>> histories(threads);
  for (auto& each : runs) each.resize(networks);
  for (auto& each : histories) each.assign(all.bins ? ports * all.bins : 0, 0);
  if (all.each) std::fill_n(all.each, all.bursts * ports, PortCounts{});
  share(all.bursts, threads, [&](int thread, int64_t burst) {
    const int64_t at = all.burst[burst].network;
    auto& run = runs[thread][at];
    if (!run) run = make(all, all.network[at]);
    run->run(burst, all.bins ? histories[thread].data() + all.network[at].port * all.bins : nullptr);
    if (!all.each) return;
    PortCounts* own = all.each + burst * ports + all.network[at].port;
    for (int64_t port = 0; port < all.network[at].ports; ++port) {
      own[port] = std::exchange(run->counts(port), PortCounts{});
    }
  });
  std::fill_n(all.counts, ports, PortCounts{});
  std::fill_n(all.history, ports * all.bins, 0);
  for (int thread = 0; thread < threads; ++thread) {
    for (size_t k = 0; k < histories[thread].size(); ++k) all.history[k] += histories[thread][k];
    for (int64_t at = 0; at < networks; ++at) {
      if (!runs[thread][at]) continue;
      for (int64_t port = 0; port < all.network[at].ports; ++port) {
        add_counts(all.counts[all.network[at].port + port], runs[thread][at]->counts(port));
      }
    }
  }
  for (int64_t k = 0; all.each && k < all.bursts * ports; ++k) {
    add_counts(all.counts[k % ports], all.each[k]);
  }
}

}  // namespace chipletsim
