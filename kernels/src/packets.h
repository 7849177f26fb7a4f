// Bursts of packets through networks of routers, packet by packet: the timing model `queue`.
//
// A packet reserves one link of its way after the other, in the order of time. It stands in a
// virtual channel of each input, a queue of its own with room for as many packets as flits fit, and
// waits for the front of it, for the output, for the input's turn, and for room at the other end.
// Times are in fractions of a tick, so that the rate of a link that waits for credits is kept; but
// what comes does so with the receiver's clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "calendar.h"
#include "nodes.h"
#include "packet_frames.h"
#include "packet_state.h"
#include "ports.h"

namespace chipletsim {

// Whether ways do not fork and may take every virtual channel, all routers have one clock, packets
// are of one kind, and links neither send frames nor sleep.
inline bool is_plain(const Network& network) {
  bool plain = !network.forks && !network.restricted && network.kinds == 1;
  for (int64_t r = 0; r < network.routers; ++r) {
    plain &= network.router[r].cycle == network.router[0].cycle;
  }
  for (int64_t g = 0; g < network.ports; ++g) {
    plain &= !network.port[g].frame_bits && network.port[g].sleeps_after < 0;
  }
  return plain;
}

// Of a network that is plain if `kPlain` says so: much need not be asked then.
template <bool kPlain>
class PacketBurst : public BurstRun {
 public:
  PacketBurst(const Bursts& all, const Network& network)
      : all_(all),
        network_(network),
        port_(network.port),
        node_(network.node),
        channels_(static_cast<int32_t>(network.channels)),
        every_(channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1),
        timings_(network),
        ports_(network.ports),
        totals_(network.ports),
        lanes_(network.ports * channels_),
        ends_(network.nodes),
        frames_(network, totals_) {
    nodes_.build(network, kParts);
    for (int64_t r = 0; r < network.routers; ++r) {
      for (int64_t g = first_port(network, r); g < first_port(network, r + 1); ++g) {
        if (port_[g].peer == kNoPeer) continue;
        PacketPort& before = ports_[lanes_behind(port_[g], g)];
        before.first = static_cast<int32_t>(first_port(network, r));
        ports_[g].peer = static_cast<int32_t>(port_[g].peer);
        ports_[g].timing = &timings_.of(g);
      }
    }
  }

  PortCounts take_counts(int64_t port) override { return std::exchange(totals_[port], {}); }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    while (!calendar_.empty() && !is_stopped()) {
      calendar_.take(events_);
      const size_t count = events_.size();
      for (size_t k = 0; k < count; ++k) {
        const Event& event = events_[k];
        if (k + kFar < count) expect(&event);
        if (event.what >= 0) advance(event.time, event.what, event.output);
        else if (event.what >= -network_.nodes) attend(event.time, -1 - event.what);
        else go_on_with_frames(event.time, -1 - network_.nodes - event.what);
      }
    }
    all_.undelivered[burst] = nodes_.left();
    count(all_.busiest[burst]);
  }

 private:
  struct Event {
    int64_t time;
    // A copy; or -1 - node; or -1 - nodes - port, whose frame is due; or -1 - nodes - ports - copy,
    // which goes into a frame.
    int32_t what;
    int32_t output;  // of a copy
  };

  void begin(const Burst& burst) {
    burst_ = &burst;
    branch_ = burst.branch;
    calendar_.begin(network_.quantum);
    nodes_.begin(burst);
    copies_.begin(burst.packets);
    for (PacketPort& port : ports_) {
      port.free = port.turn_free = port.busy = port.flits = port.waited = 0;
      port.most_queued = port.turn = 0;
    }
    std::fill(lanes_.begin(), lanes_.end(), PacketLane{});
    for (int64_t at = 0; at < network_.nodes; ++at) {
      ends_[at] = PacketEnd{};
      ends_[at].port = static_cast<int32_t>(node_[at].port);
    }
    frames_.begin();
    for (int64_t at = 0; at < network_.nodes; ++at) {
      if (nodes_.has_packets(at)) wake(0, at);
    }
  }

  void push(int64_t time, int64_t what, int32_t output = 0) {
    calendar_.add(ticks_of(time), Event{time, static_cast<int32_t>(what), output});
  }
  void wake(int64_t time, int64_t node) { push(time, -1 - node); }

  // Fetches what events some places behind one will need: it lies far apart.
  // Inlined, or else compilers take it for a function that does nothing, and leave it out.
  __attribute__((always_inline)) void expect(const Event* event) const {
    const Event &far = event[kFar], &near = event[kNear], &next = event[kNext];
    if (far.what >= 0) {
      __builtin_prefetch(&copies_[far.what]);
      if (far.output >= 0) __builtin_prefetch(&ports_[far.output]);
      else expect_node(-1 - far.output);
    } else if (far.what >= -network_.nodes) {
      expect_node(-1 - far.what);
    }
    if (near.what < 0 && near.what >= -network_.nodes) {
      const PacketEnd& end = ends_[-1 - near.what];
      __builtin_prefetch(&ports_[end.port]);
      __builtin_prefetch(&lanes_[end.port * channels_]);
      __builtin_prefetch(&branch_[end.root]);
    } else if (near.what >= 0) {
      const PacketCopy& copy = copies_[near.what];
      if (near.output >= 0) {
        __builtin_prefetch(&ports_[copy.input]);
        __builtin_prefetch(&lanes_[copy.lane]);
        __builtin_prefetch(&lanes_[near.output * channels_ + ports_[near.output].turn]);
        __builtin_prefetch(&branch_[std::max(copy.onward, 0)]);
      } else {
        nodes_.expect_packet(copy.packet);
      }
    }
    if (next.what >= 0) {
      const PacketCopy& copy = copies_[next.what];
      if (next.output >= 0) {
        __builtin_prefetch(&copies_[std::max(lanes_[copy.lane].queue.first, 0)]);
      } else {
        nodes_.expect_delivery(copy.packet);
      }
    }
  }

  __attribute__((always_inline)) void expect_node(int64_t at) const {
    __builtin_prefetch(&ends_[at]);
    __builtin_prefetch(&node_[at]);
    nodes_.expect(at);
  }

  // The next lane behind a port in turn that has room, else the next in turn.
  int32_t choose_lane(PacketPort& port, int64_t g, uint64_t may, int64_t room) {
    const PacketLane* lanes = &lanes_[g * channels_];
    int32_t chosen = port.turn;
    if (lanes[chosen].held >= room || (!kPlain && !(may >> chosen & 1))) {
      chosen = choose_other(lanes, chosen, may, room);
    }
    port.turn = chosen + 1 == channels_ ? 0 : chosen + 1;
    return static_cast<int32_t>(g) * channels_ + chosen;
  }

  static int32_t choose_other(const PacketLane* lanes, int32_t turn, uint64_t may, int64_t room) {
    const int32_t first = pick(may, turn);
    int32_t chosen = first;
    uint64_t left = may;
    while (lanes[chosen].held >= room && (left &= ~(uint64_t{1} << chosen))) {
      chosen = pick(left, chosen);
    }
    return left ? chosen : first;
  }

  // Takes room for a packet in a lane behind a port; false if it has none.
  bool hold(PacketPort& port, int32_t lane, int64_t room, int64_t flits) {
    int32_t& held = lanes_[lane].held;
    if (held >= room) return false;
    ++held;
    if (held * flits > port.most_queued) {
      port.most_queued = static_cast<int32_t>(std::min(held * flits, port.timing->lanes.buffer));
    }
    return true;
  }

  // A packet comes into a lane in which it has room, its tail after its head.
  void enter(int32_t at, PacketCopy& copy, int32_t input, int32_t lane_at, int64_t time,
             int64_t tail) {
    copy.input = input;
    copy.lane = lane_at;
    copy.came = time;
    copy.tail_came = tail;
    // Where no way forks, a stop has one branch, and its number.
    if (kPlain || !network_.forks) take_branch(copy, copy.place);
    PacketLane& lane = lanes_[lane_at];
    if (lane.copies) copies_.append(lane.queue, at);
    else stand_in_front(at, copy, lane, std::max(time, lane.departed));
  }

  void take_branch(PacketCopy& copy, int64_t branch) const {
    copy.place = static_cast<int32_t>(branch);
    copy.output = ports_[copy.input].first + branch_[branch].port;
    copy.onward = branch_[branch].next;
  }

  // Where ways fork, a packet becomes a copy for each branch of its stop.
  void stand_in_front(int32_t at, const PacketCopy& copy, PacketLane& lane, int64_t time) {
    const int64_t ready = time + ports_[copy.input].timing->lanes.ready;
    if (kPlain || !network_.forks) {
      lane.copies = 1;
      push(ready, at, copy.output);
      return;
    }
    const int64_t begin = burst_->stop[copy.place], end = burst_->stop[copy.place + 1];
    lane.copies = static_cast<int32_t>(end - begin);
    for (int64_t branch = begin; branch < end; ++branch) {
      const int32_t each = branch + 1 < end ? copies_.make(copies_[at]) : at;
      take_branch(copies_[each], branch);
      push(ready, each, copies_[each].output);
    }
  }

  // A copy at the front of its lane goes on by its output, or has come to a node.
  void advance(int64_t now, int32_t at, int32_t by) {
    PacketCopy& copy = copies_[at];
    if (by < 0) {
      nodes_.deliver(now, -1 - by, copy.packet, -1 - copy.place, 0);
      copies_.drop(at);
      attend(now, -1 - by);
      return;
    }
    PacketPort& output = ports_[by];
    PacketPort& input = ports_[copy.input];
    const PortTiming& timing = *output.timing;
    const int64_t flits = copy.flits;
    int32_t next = copy.granted;
    if (next < 0 && !find_room(now, at, output, flits, next)) return;
    int64_t start = std::max(now, std::max(output.free, input.turn_free));
    int64_t leaves = timing.clock.after(start);
    if (!kPlain && timing.sleeps && !timing.framed) {
      const int64_t awake = frames_.woken(leaves, by);
      if (awake > leaves) start = leaves = awake;
    }
    const int64_t tail = reserve(copy, output, timing, start);
    const int64_t sending = timing.clock.cycle * flits;
    input.turn_free = start + sending;
    output.flits += flits;
    output.waited += ticks_of(start - copy.came) * flits;
    if (history_) {
      const int64_t bin = std::min(ticks_of(start) / all_.bin_ticks, all_.bins - 1);
      history_[by * all_.bins + bin] += flits;
    }
    const int32_t lane = copy.lane;
    copy.place = copy.onward;
    send_on(at, copy, output, next, leaves, tail);
    leave(input, lane, start, tail);
  }

  // A packet takes an output from a time on. Returns when its tail goes.
  int64_t reserve(const PacketCopy& copy, PacketPort& output, const PortTiming& timing,
                  int64_t start) {
    const int64_t flits = copy.flits, cycle = timing.clock.cycle;
    if (!kPlain && timing.framed) {
      output.free = start + cycle * flits;
      if (flits == 1) return start;
      return std::max(start + timing.behind.last_flit(flits, cycle), copy.tail_came);
    }
    const PortRate& rate = kPlain ? timing.rate : timings_.rate(timing, copy.output, copy.kind);
    output.busy += ticks_of(rate.interval * flits);
    if (!kPlain && timing.sleeps) frames_.use(copy.output, start + rate.interval * flits);
    if (flits == 1) {
      output.free = start + rate.of_one;
      return start;
    }
    output.free = start + std::max(rate.per_flit * flits, timing.of_lanes(flits, channels_));
    const int64_t apart = std::max(rate.interval, cycle);
    return std::max(start + timing.behind.last_flit(flits, apart), copy.tail_came);
  }

  // A packet goes on by its output: its head leaves, and its tail follows.
  void send_on(int32_t at, PacketCopy& copy, const PacketPort& output, int32_t lane,
               int64_t leaves, int64_t tail) {
    const PortTiming& timing = *output.timing;
    if (kPlain || !timing.framed) {
      copy.granted = -1;
      const int64_t last = copy.flits == 1 ? leaves : std::max(leaves, timing.clock.after(tail));
      arrive(at, copy, output, lane, leaves, last);
      return;
    }
    copy.granted = lane;
    if (copy.flits == 1) {
      fill(leaves, at);
      return;
    }
    const int64_t whole = std::max(leaves, timing.clock.after(tail - before_last(copy)));
    push(whole, -1 - network_.nodes - network_.ports - at);
  }

  // The head and the tail of a packet go on the wire to where it has room.
  void arrive(int32_t at, PacketCopy& copy, const PacketPort& output, int32_t lane, int64_t head,
              int64_t tail) {
    const PortTiming& timing = *output.timing;
    const int64_t last = kPlain ? tail + timing.wire : timing.arrival(tail);
    if (output.peer < 0) {
      push(last, at, output.peer);
      return;
    }
    const int64_t first = kPlain ? head + timing.wire : timing.arrival(head);
    enter(at, copy, copy.output, lane, first, last);
  }

  // Takes room behind an output for a copy, or leaves it waiting for that.
  bool find_room(int64_t now, int32_t at, PacketPort& output, int64_t flits, int32_t& next) {
    CopyList* parked;
    if (output.peer < 0) {
      PacketEnd& end = ends_[-1 - output.peer];
      next = 0;
      if (end.held < node_[-1 - output.peer].buffer * channels_) {
        ++end.held;
        return true;
      }
      parked = &end.parked;
    } else {
      const int64_t room = output.timing->lanes.fits(flits);
      next = choose_lane(output, copies_[at].output, lanes_of(copies_[at].place), room);
      if (hold(output, next, room, flits)) return true;
      parked = &lanes_[next].parked;
    }
    copies_[at].asked = now;
    copies_.append(*parked, at);
    return false;
  }

  // Lanes behind its output that a branch may take.
  uint64_t lanes_of(int64_t branch) const {
    if (kPlain || !network_.restricted) return every_;
    return static_cast<uint64_t>(burst_->channels[branch]) & every_;
  }

  // The first copy of a list has room, from a time on; false if none waits.
  bool grant(CopyList& parked, int32_t lane, int64_t time) {
    if (parked.first < 0) return false;
    const int32_t first = copies_.pop(parked);
    PacketCopy& copy = copies_[first];
    copy.granted = lane;
    time = std::max(time, copy.asked);
    totals_[copy.output].starved += ticks_of(time - copy.asked);
    push(time, first, copy.output);
    return true;
  }

  // The node that waits for room in a lane of an input.
  PacketEnd* waiting_for(const PacketPort& input, int32_t lane) {
    if (input.peer >= 0 || ends_[-1 - input.peer].waits != lane) return nullptr;
    return &ends_[-1 - input.peer];
  }

  // A copy leaves the front of its lane, and its last flit at `end`.
  void leave(const PacketPort& input, int32_t lane_at, int64_t start, int64_t end) {
    PacketLane& lane = lanes_[lane_at];
    const LaneTiming& timing = input.timing->lanes;
    const int64_t cycle = timing.clock.cycle;
    lane.departed = std::max(lane.departed, end + cycle);
    if (--lane.copies) return;
    const int64_t time = start + timing.backward + cycle;
    if (PacketEnd* source = waiting_for(input, lane_at)) {
      source->lane = lane_at;
      source->waits = -1;
      wake(std::max(time, source->next), -1 - input.peer);
    } else if (!grant(lane.parked, lane_at, time)) {
      --lane.held;
    }
    if (lane.queue.first < 0) return;
    const int32_t at = copies_.pop(lane.queue);
    stand_in_front(at, copies_[at], lane, std::max(copies_[at].came, lane.departed));
  }

  // A frame is due, or a packet goes into one.
  void go_on_with_frames(int64_t now, int64_t what) {
    if (what >= network_.ports) fill(now, static_cast<int32_t>(what - network_.ports));
    else if (frames_.due(what) == now) close(what);
  }

  int64_t bits_of(const PacketCopy& copy) const {
    return copy.flits * network_.kind_bits[copy.output * network_.kinds + copy.kind];
  }

  // Time of the frames that a packet takes but the last, which takes its tail.
  int64_t before_last(const PacketCopy& copy) const {
    const PortRow& row = port_[copy.output];
    return (frames_of(bits_of(copy), row.frame_bits) - 1) * row.frame_ticks * kParts;
  }

  // A packet goes into the frame that a link is to send next.
  void fill(int64_t now, int32_t at) {
    // Copies may be made, and so others moved, as a frame closes.
    const int64_t g = copies_[at].output, flits = copies_[at].flits, bits = bits_of(copies_[at]);
    if (frames_.due(g) >= 0 && frames_.due(g) <= now) close(g);
    if (frames_.add(now, g, at, bits)) push(frames_.due(g), -1 - network_.nodes - g);
    if (!frames_.is_full(g, flits)) return;
    ports_[g].free = std::max(ports_[g].free, frames_.due(g));
    close(g);
  }

  void close(int64_t g) {
    const int64_t left = frames_.close(g, closed_);
    for (const int32_t at : closed_) {
      PacketCopy& copy = copies_[at];
      const int32_t lane = std::exchange(copy.granted, -1);
      arrive(at, copy, ports_[g], lane, left, left);
    }
  }

  void attend(int64_t now, int32_t where) {
    PacketEnd& node = ends_[where];
    if (node.planned <= now) node.planned = -1;
    const int64_t next = nodes_.work(now, where, [&](int64_t taken, int32_t) {
      if (!grant(node.parked, 0, taken + node_[where].backward * kParts)) --node.held;
    });
    if (next >= 0) plan(next, where);
    if (node.waits >= 0) return;
    int64_t when = node.next;
    if (node.next <= now) {
      const PacketRow* packet = nodes_.front(now, where, when);
      if (packet) {
        send(now, where, node, *packet);
        when = node.waits >= 0 ? -1 : node.next;
      }
    }
    if (when >= 0 && nodes_.has_packets(where)) plan(when, where);
  }

  // Sees to it that a node is attended to at a time; one time before that is enough.
  void plan(int64_t time, int32_t where) {
    PacketEnd& node = ends_[where];
    if (node.planned >= 0 && node.planned <= time) return;
    node.planned = time;
    wake(time, where);
  }

  void send(int64_t now, int32_t where, PacketEnd& source, const PacketRow& packet) {
    const FlowRow& flow = burst_->flow[packet.flow];
    const int32_t g = source.port;
    const int64_t flits = packet.flits;
    PacketPort& port = ports_[g];
    const LaneTiming& timing = port.timing->lanes;
    if (source.lane < 0) {
      const int64_t room = timing.fits(flits);
      const uint64_t may = static_cast<uint64_t>(flow.channels) & every_;
      const int32_t lane = choose_lane(port, g, may, room);
      if (!hold(port, lane, room, flits)) {
        source.waits = lane;
        return;
      }
      source.lane = lane;
    }
    const int64_t forward = node_[where].forward * kParts, cycle = timing.clock.cycle;
    const int64_t loop = forward + cycle + timing.backward;
    const PortCredits entry{timing.buffer, loop, loop + timing.ready};
    const int64_t per_flit = std::max(cycle, entry.first_loop / (channels_ * timing.buffer));
    const int64_t lag = entry.last_flit(flits, cycle);
    const int64_t leaves = timing.clock.after(now), number = nodes_.number(where);
    nodes_.inject(leaves, where);
    const int32_t kind = static_cast<int32_t>(burst_->kind_of(number));
    const int32_t root = static_cast<int32_t>(flow.root);
    const int32_t at = copies_.make(
        {static_cast<int32_t>(number), static_cast<int32_t>(flits), kind, root});
    const int64_t comes = timing.clock.after(leaves + forward) + cycle;
    enter(at, copies_[at], g, source.lane, comes, comes + lag);
    source.lane = -1;
    source.next =
        now + std::max({per_flit * flits, lag + cycle, port.timing->of_lanes(flits, channels_)});
    nodes_.sent(where, leaves + lag);
    const int64_t following = nodes_.following(where);
    if (following >= 0) source.root = static_cast<int32_t>(burst_->flow[following].root);
  }

  // Tells what happened in the burst.
  void count(BusiestRow& busiest) {
    nodes_.busiest(busiest);
    busiest.port = busiest.port_ticks = 0;
    for (int64_t g = 0; g < network_.ports; ++g) {
      const PacketPort& port = ports_[g];
      PortCounts& total = totals_[g];
      const int64_t busy = port.busy + frames_.busy(g);
      total.flits += port.flits;
      total.waited += port.waited;
      total.busy += busy;
      PortCounts& behind = totals_[lanes_behind(port_[g], g)];
      behind.most_queued = std::max<int64_t>(behind.most_queued, port.most_queued);
      if (port_[g].peer >= 0 && busy > busiest.port_ticks) {
        busiest.port = g;
        busiest.port_ticks = busy;
      }
    }
    frames_.end(nodes_.last());
  }

  // Places of events whose needs are fetched, behind the one that happens.
  static constexpr size_t kFar = 16, kNear = 10, kNext = 5;

  const Bursts& all_;
  const Network& network_;
  const PortRow* port_;
  const NodeRow* node_;
  const int32_t channels_;
  const uint64_t every_;
  const PortTimings timings_;
  const Burst* burst_ = nullptr;
  const BranchRow* branch_ = nullptr;
  Nodes nodes_;
  std::vector<PacketPort> ports_;
  std::vector<PortCounts> totals_;  // [ports], of bursts that ended, and what is rare
  std::vector<PacketLane> lanes_;
  std::vector<PacketEnd> ends_;     // [nodes]
  PacketFrames frames_;
  PacketCopies copies_;
  std::vector<int32_t> closed_;     // copies in a frame that leaves
  Calendar<Event> calendar_;
  Batch<Event> events_;
  int64_t* history_ = nullptr;
};

inline std::unique_ptr<BurstRun> packet_burst(const Bursts& all, const Network& network) {
  if (is_plain(network)) return std::make_unique<PacketBurst<true>>(all, network);
  return std::make_unique<PacketBurst<false>>(all, network);
}

}  // namespace chipletsim
