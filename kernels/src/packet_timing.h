// What does not change of the ports of a network, to the timing model `queue`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "burst.h"
#include "burst_run.h"

namespace chipletsim {

constexpr int64_t kParts = 64;  // of a tick, in which times are

// Whole ticks of a time that is not negative.
inline int64_t ticks_of(int64_t time) {
  return static_cast<int64_t>(static_cast<uint64_t>(time) / kParts);
}

// Of a router.
struct PortClock {
  int64_t cycle = 1;
  int64_t mask = 0;  // of a cycle that is a power of two, else -1

  PortClock() = default;
  explicit PortClock(int64_t ticks) : cycle(ticks), mask(ticks & (ticks - 1) ? -1 : ticks - 1) {}

  // The next time that is a multiple of the cycle.
  int64_t after(int64_t time) const {
    return mask < 0 ? aligned(time, cycle) : (time + mask) & ~mask;
  }
};

// Room at the other end of an output, and when it comes back.
struct PortCredits {
  int64_t room = 1;        // flits that a lane there holds
  int64_t loop = 0;        // from sending a flit that goes on at once until its credit is back
  int64_t first_loop = 0;  // likewise for a head

  // When the last flit of a packet alone goes after the first, if they go so far apart: those
  // that do not fit into the lane wait for the credits of others.
  int64_t last_flit(int64_t flits, int64_t apart) const {
    const int64_t rounds = (flits - 1) / room, rest = (flits - 1) % room;
    const int64_t credits = rounds ? first_loop + (rounds - 1) * loop + rest * apart : 0;
    return std::max((flits - 1) * apart, credits);
  }
};

// Times from flit to flit of an output, for a kind of packets.
struct PortRate {
  int64_t interval = 0;  // on the link
  int64_t per_flit = 0;  // likewise, or as credits allow
  int64_t of_one = 0;    // time that a packet of one flit takes of the output
};

// The port whose input is behind an output: that at its other end, or itself if a node is there.
inline int64_t lanes_behind(const PortRow& row, int64_t port) {
  return row.peer < 0 ? port : row.peer;
}

// Of the lanes of an input.
struct LaneTiming {
  PortClock clock;
  int64_t ready = 0;     // from when a packet stands in front until it asks for its output
  int64_t backward = 0;  // from when a packet goes until its room may be used
  int64_t buffer = 0;    // flits that a lane holds

  // Packets of some flits that a lane holds.
  int64_t fits(int64_t flits) const {
    return flits == 1 ? buffer : std::max<int64_t>(1, buffer / flits);
  }
};

// Of an output, and of the lanes behind it: those of the port at its other end, or those that
// packets of a node enter by the same port. Most ports of a network have it in common with others.
struct PortTiming {
  PortClock clock;
  LaneTiming lanes;
  int64_t forward = 0;
  int64_t wire = 0;      // from sending until the other end may use it, where its clock is the same
  bool framed = false, sleeps = false;
  PortCredits behind;
  PortRate rate;         // of the first kind

  auto all() const {
    return std::tie(clock.cycle, lanes.clock.cycle, lanes.ready, lanes.backward, lanes.buffer,
                    forward, wire, framed, sleeps, behind.room, behind.loop, behind.first_loop,
                    rate.interval, rate.per_flit, rate.of_one);
  }
  bool operator<(const PortTiming& other) const { return all() < other.all(); }

  // Time that a packet takes of the lanes in front of an output, which send a flit each in turn and
  // skip one.
  int64_t of_lanes(int64_t flits, int64_t channels) const {
    return clock.cycle * (flits + 1) / channels;
  }

  // When what an output sends on the wire may be used at the other end.
  int64_t arrival(int64_t time) const {
    return lanes.clock.after(time + forward) + lanes.clock.cycle;
  }
};

// Ports that have all in common share it, so that it stays in the cache.
class PortTimings {
 public:
  explicit PortTimings(const Network& network)
      : network_(network),
        of_(network.ports),
        rates_(network.kinds > 1 ? network.ports * network.kinds : 0) {
    std::vector<LaneTiming> inputs(network.ports);
    for (int64_t r = 0; r < network.routers; ++r) {
      for (int64_t g = first_port(network, r); g < first_port(network, r + 1); ++g) {
        inputs[g] = input(network.port[g], network.router[r]);
      }
    }
    for (int64_t g = 0; g < network.ports; ++g) {
      of_[g] = &*distinct_.insert(output(g, inputs)).first;
    }
  }

  const PortTiming& of(int64_t port) const { return *of_[port]; }

  const PortRate& rate(const PortTiming& timing, int64_t port, int64_t kind) const {
    return rates_.empty() ? timing.rate : rates_[port * network_.kinds + kind];
  }

 private:
  static LaneTiming input(const PortRow& row, const RouterRow& router) {
    const int64_t cycle = router.cycle * kParts;
    const int64_t ready = (router.routing_delay + 1) * cycle;
    return {PortClock(cycle), ready, row.backward * kParts, row.buffer};
  }

  PortTiming output(int64_t g, const std::vector<LaneTiming>& inputs) {
    const PortRow& row = network_.port[g];
    PortTiming timing;
    timing.clock = inputs[g].clock;
    timing.lanes = inputs[lanes_behind(row, g)];
    if (row.peer == kNoPeer) return timing;
    const LaneTiming& lanes = timing.lanes;
    const NodeRow* node = row.peer < 0 ? network_.node - 1 - row.peer : nullptr;
    timing.framed = row.frame_bits > 0;
    timing.sleeps = row.sleeps_after >= 0;
    timing.forward = row.forward * kParts;
    timing.wire = timing.clock.after(timing.forward) + timing.clock.cycle;
    timing.behind.room = node ? node->buffer : lanes.buffer;
    const int64_t on_wire = timing.framed ? row.frame_ticks * kParts : 0;
    const int64_t back = node ? node->backward * kParts : lanes.backward;
    timing.behind.loop = on_wire + timing.forward + lanes.clock.cycle + back;
    timing.behind.first_loop = timing.behind.loop + (node ? 0 : lanes.ready);
    for (int64_t kind = 0; kind < network_.kinds; ++kind) {
      PortRate rate;
      rate.interval = rate.per_flit = network_.interval[g * network_.kinds + kind] * kParts;
      // All lanes together send what they hold in the time until a credit is back.
      const int64_t held = network_.channels * timing.behind.room;
      if (!node) rate.per_flit = std::max(rate.per_flit, timing.behind.first_loop / held);
      rate.of_one = std::max(rate.per_flit, timing.of_lanes(1, network_.channels));
      if (!kind) timing.rate = rate;
      if (!rates_.empty()) rates_[g * network_.kinds + kind] = rate;
    }
    return timing;
  }

  const Network& network_;
  std::set<PortTiming> distinct_;
  std::vector<const PortTiming*> of_;
  std::vector<PortRate> rates_;  // [ports, kinds], if there are several kinds
};

}  // namespace chipletsim
