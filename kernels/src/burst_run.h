// Bursts on threads, whatever follows their packets.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
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
  // Counts since they were last taken.
  virtual PortCounts take_counts(int64_t port) = 0;

  void ask(std::function<bool()> stop) { stop_ = std::move(stop); }

 protected:
  // Whether a burst is to end before its time. To be called for each tick in which something
  // happens; every so often it asks.
  bool is_stopped() { return (++ticks_ & 0xff) == 0 && stop_(); }

 private:
  std::function<bool()> stop_ = [] { return false; };
  uint64_t ticks_ = 0;
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

// First port of a router; of the one behind the last, how many ports there are.
inline int64_t first_port(const Network& network, int64_t router) {
  return router < network.routers ? network.router[router].first_port : network.ports;
}

// Most bits of a flit of any kind in a frame of a port.
inline int64_t most_bits(const Network& network, int64_t port) {
  const int64_t* bits = network.kind_bits + port * network.kinds;
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
// every burst with none. Now and then the calling thread asks whether to stop(); all threads then
// end the bursts that they run, and results mean nothing.
template <class Make, class Stop>
void run_bursts(const Bursts& all, int threads, const Make& make, const Stop& stop) {
  const int64_t bursts = static_cast<int64_t>(all.burst.size()), ports = all.ports;
  threads = busy_threads(bursts, threads);
  std::vector<std::vector<std::unique_ptr<BurstRun>>> runs(threads);
  std::vector<std::vector<int64_t>> histories(threads);
  for (auto& each : runs) each.resize(all.network.size());
  for (auto& each : histories) each.assign(ports * all.bins, 0);
  if (all.each) std::fill_n(all.each, bursts * ports, PortCounts{});
  std::atomic<bool> stopped{false};
  const auto is_stopped = [&](int thread) {
    if (thread == 0 && !stopped && stop()) stopped = true;
    return stopped.load();
  };
  share(bursts, threads, [&](int thread, int64_t burst) {
    if (is_stopped(thread)) return;
    const int64_t at = all.burst[burst].network;
    const Network& network = all.network[at];
    auto& run = runs[thread][at];
    if (!run) {
      run = make(all, network);
      run->ask([&is_stopped, thread] { return is_stopped(thread); });
    }
    run->run(burst, all.bins ? histories[thread].data() + network.first_port * all.bins : nullptr);
    if (!all.each) return;
    PortCounts* own = all.each + burst * ports + network.first_port;
    for (int64_t port = 0; port < network.ports; ++port) {
      own[port] = run->take_counts(port);
    }
  });
  std::fill_n(all.counts, ports, PortCounts{});
  std::fill_n(all.history, ports * all.bins, 0);
  for (int thread = 0; thread < threads; ++thread) {
    for (size_t k = 0; k < histories[thread].size(); ++k) all.history[k] += histories[thread][k];
    for (size_t at = 0; at < all.network.size(); ++at) {
      if (!runs[thread][at]) continue;
      PortCounts* total = all.counts + all.network[at].first_port;
      for (int64_t port = 0; port < all.network[at].ports; ++port) {
        add_counts(total[port], runs[thread][at]->take_counts(port));
      }
    }
  }
  for (int64_t k = 0; all.each && k < bursts * ports; ++k) {
    add_counts(all.counts[k % ports], all.each[k]);
  }
}

}  // namespace chipletsim
