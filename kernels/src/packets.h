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
#include "packet_state.h"
#include "ports.h"

namespace chipletsim {

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
        links_(network.ports) {
    nodes_.build(network, kParts);
    for (int64_t r = 0; r < network.routers; ++r) {
      for (int64_t g = first_port(network, r); g < first_port(network, r + 1); ++g) {
        ports_[g].first = static_cast<int32_t>(first_port(network, r));
        if (port_[g].peer != kNoPeer) ports_[g].peer = static_cast<int32_t>(port_[g].peer);
        ports_[g].timing = &timings_.of(g);
        links_[g].most_bits = most_bits(network, g);
      }
    }
  }

  PortCounts take_counts(int64_t port) override { return std::exchange(totals_[port], {}); }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    while (!calendar_.empty()) {
      calendar_.take(events_);
      for (size_t k = 0; k < events_.size(); ++k) {
        expect(events_.data() + k, events_.size() - k);
        const Event event = events_[k];
        if (event.what >= 0) advance(event.time, event.what);
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
  };

  void begin(const Burst& burst) {
    burst_ = &burst;
    branch_ = burst.branch;
    calendar_.begin(network_.quantum);
    nodes_.begin(burst);
    copies_.clear();
    unused_.clear();
    next_.clear();
    for (PacketPort& port : ports_) {
      port.free = port.turn_free = port.busy = port.flits = port.waited = 0;
      port.most_queued = port.turn = 0;
    }
    std::fill(lanes_.begin(), lanes_.end(), PacketLane{});
    std::fill(ends_.begin(), ends_.end(), PacketEnd{});
    for (PacketLink& link : links_) {
      link.frame.clear();
      link.bits = link.free_at = link.used = 0;
      link.due = -1;
    }
    for (int64_t at = 0; at < network_.nodes; ++at) {
      if (nodes_.has_packets(at)) wake(0, at);
    }
  }

  void push(int64_t time, int64_t what) {
    calendar_.add(time / kParts, {time, static_cast<int32_t>(what)});
  }
  void wake(int64_t time, int64_t node) { push(time, -1 - node); }

  // Fetches what events behind `next` will need: it lies far apart. Where few are left, all is near.
  // Inlined, or else compilers take it for a function that does nothing.
  __attribute__((always_inline)) void expect(const Event* next, size_t left) const {
    constexpr size_t kCopy = 16, kPlace = 12, kPeer = 8, kLane = 4;
    if (left <= kCopy) return;
    if (next[kCopy].what >= 0) __builtin_prefetch(&copies_[next[kCopy].what]);
    if (next[kPlace].what >= 0) {
      const PacketCopy& copy = copies_[next[kPlace].what];
      __builtin_prefetch(&branch_[std::max(copy.onward, 0)]);
      __builtin_prefetch(&ports_[copy.input]);
      __builtin_prefetch(&ports_[copy.output]);
      __builtin_prefetch(&lanes_[copy.lane]);
    }
    if (next[kPeer].what >= 0) {
      const PacketCopy& copy = copies_[next[kPeer].what];
      __builtin_prefetch(&copies_[std::max(lanes_[copy.lane].queue.first, 0)]);
      __builtin_prefetch(&ports_[std::max(ports_[copy.output].peer, 0)]);
    }
    if (next[kLane].what >= 0) {
      const PacketCopy& copy = copies_[next[kLane].what];
      const int32_t following = std::max(lanes_[copy.lane].queue.first, 0);
      const int64_t peer = std::max(ports_[copy.output].peer, 0);
      __builtin_prefetch(&branch_[std::max(copies_[following].place, 0)]);
      __builtin_prefetch(&lanes_[peer * channels_ + ports_[peer].turn]);
    }
  }

  // The next lane of an input in turn that has room, else the next in turn.
  int32_t choose_lane(int64_t g, uint64_t may, int64_t room) {
    PacketPort& port = ports_[g];
    const PacketLane* lanes = &lanes_[g * channels_];
    int32_t chosen = port.turn;
    if (!(may >> chosen & 1) || lanes[chosen].held >= room) {
      const int32_t first = chosen = pick(may, port.turn);
      uint64_t left = may;
      while (lanes[chosen].held >= room && (left &= ~(uint64_t{1} << chosen))) {
        chosen = pick(left, chosen);
      }
      if (!left) chosen = first;
    }
    port.turn = chosen + 1 == channels_ ? 0 : chosen + 1;
    return static_cast<int32_t>(g) * channels_ + chosen;
  }

  // Takes room in a lane of a port in which one packet more has room; false if it has none.
  bool hold(PacketPort& port, int32_t lane, int64_t room, int64_t flits) {
    int32_t& held = lanes_[lane].held;
    if (held >= room) return false;
    ++held;
    const int64_t queued = std::min(held * flits, port.timing->buffer);
    if (queued > port.most_queued) port.most_queued = static_cast<int32_t>(queued);
    return true;
  }

  int32_t new_copy(const PacketCopy& copy) {
    if (unused_.empty()) {
      copies_.push_back(copy);
      next_.push_back(-1);
      return static_cast<int32_t>(copies_.size()) - 1;
    }
    const int32_t at = unused_.back();
    unused_.pop_back();
    copies_[at] = copy;
    return at;
  }

  void append(CopyList& list, int32_t at) {
    next_[at] = -1;
    if (list.last < 0) list.first = at;
    else next_[list.last] = at;
    list.last = at;
  }

  int32_t pop(CopyList& list) {
    const int32_t first = list.first;
    if (first < 0) return -1;
    list.first = next_[first];
    if (list.first < 0) list.last = -1;
    return first;
  }

  // When what an output sends on the wire may be used at the other end.
  static int64_t arrival(const PortTiming& output, int64_t time) {
    return output.peer_clock.after(time + output.forward) + output.peer_clock.cycle;
  }

  // A packet comes into a lane in which it has room, its tail after its head.
  void enter(int32_t at, int64_t input, int32_t lane_at, int64_t time, int64_t tail) {
    PacketLane& lane = lanes_[lane_at];
    PacketCopy& copy = copies_[at];
    copy.input = static_cast<int32_t>(input);
    copy.lane = lane_at;
    copy.came = time;
    copy.tail_came = tail;
    if (lane.copies) append(lane.queue, at);
    else stand_in_front(at, lane, std::max(time, lane.departed));
  }

  void stand_in_front(int32_t at, PacketLane& lane, int64_t time) {
    const PacketPort& input = ports_[copies_[at].input];
    const int64_t ready = time + input.timing->ready, stop = copies_[at].place;
    if (!network_.forks) {  // a stop has one branch, and its number
      lane.copies = 1;
      take_branch(at, input, stop, ready);
      return;
    }
    const int64_t begin = burst_->stop[stop], end = burst_->stop[stop + 1];
    lane.copies = static_cast<int32_t>(end - begin);
    for (int64_t branch = begin; branch < end; ++branch) {
      take_branch(branch + 1 < end ? new_copy(copies_[at]) : at, input, branch, ready);
    }
  }

  void take_branch(int32_t at, const PacketPort& input, int64_t branch, int64_t ready) {
    copies_[at].place = static_cast<int32_t>(branch);
    copies_[at].output = input.first + branch_[branch].port;
    copies_[at].onward = branch_[branch].next;
    push(ready, at);
  }

  void advance(int64_t now, int32_t at) {
    PacketCopy& copy = copies_[at];
    if (copy.place < 0) {
      const int32_t node = copy.lane;
      nodes_.deliver(now, node, copy.packet, -1 - copy.place, 0);
      unused_.push_back(at);
      attend(now, node);
      return;
    }
    PacketPort& input = ports_[copy.input];
    PacketPort& output = ports_[copy.output];
    const PortTiming& timing = *output.timing;
    const int64_t flits = copy.flits;
    int32_t next = copy.granted;
    if (next < 0 && !find_room(now, at, output, flits, next)) return;
    int64_t start = std::max(now, std::max(output.free, input.turn_free));
    int64_t leaves = timing.clock.after(start);
    if (timing.sleeps && !timing.framed) {
      const int64_t awake = woken(leaves, copy.output);
      if (awake > leaves) start = leaves = awake;
    }
    const PortRate& rate = timings_.rate(timing, copy.output, copy.kind);
    const int64_t sending = timing.clock.cycle * flits;
    output.free = start + (timing.framed ? sending
                                         : std::max(rate.per_flit * flits, of_lanes(timing, flits)));
    input.turn_free = start + sending;
    output.flits += flits;
    output.waited += (start - copy.came) / kParts * flits;
    if (!timing.framed) use(output, copy.output, rate.interval * flits, start);
    if (history_) {
      const int64_t bin = std::min(start / kParts / all_.bin_ticks, all_.bins - 1);
      history_[copy.output * all_.bins + bin] += flits;
    }
    int64_t tail = start;
    if (flits > 1) {
      const int64_t apart =
          timing.framed ? timing.clock.cycle : std::max(rate.interval, timing.clock.cycle);
      tail = std::max(start + timing.behind.last_flit(flits, apart), copy.tail_came);
    }
    const int32_t lane = copy.lane;
    copy.place = copy.onward;
    send_on(at, output, next, leaves, tail);
    leave(input, lane, start, tail);
  }

  // A link without frames is in use for some time.
  void use(PacketPort& output, int64_t g, int64_t time, int64_t start) {
    output.busy += time / kParts;
    if (output.timing->sleeps) links_[g].used = std::max(links_[g].used, start + time);
  }

  // A packet goes on by its output: its head leaves, and its tail follows.
  void send_on(int32_t at, const PacketPort& output, int32_t lane, int64_t leaves, int64_t tail) {
    PacketCopy& copy = copies_[at];
    const PortTiming& timing = *output.timing;
    if (output.peer < 0) copy.lane = -1 - output.peer;
    if (!timing.framed) {
      copy.granted = -1;
      const int64_t last = copy.flits == 1 ? leaves : std::max(leaves, timing.clock.after(tail));
      arrive(at, output, lane, leaves, last);
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

  // Time that a packet takes of the lanes of a port, which send a flit each in turn and skip one.
  int64_t of_lanes(const PortTiming& port, int64_t flits) const {
    return flits == 1 ? port.of_one : port.clock.cycle * (flits + 1) / channels_;
  }

  // The head and the tail of a packet go on the wire to where it has room.
  void arrive(int32_t at, const PacketPort& output, int32_t lane, int64_t head, int64_t tail) {
    const PortTiming& timing = *output.timing;
    if (output.peer < 0) push(arrival(timing, tail), at);
    else enter(at, output.peer, lane, arrival(timing, head), arrival(timing, tail));
  }

  // Takes room behind an output for a copy, or leaves it waiting for that.
  bool find_room(int64_t now, int32_t at, const PacketPort& output, int64_t flits, int32_t& next) {
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
      PacketPort& peer = ports_[output.peer];
      const int64_t room = peer.timing->fits(flits);
      next = choose_lane(output.peer, lanes_of(copies_[at].place), room);
      if (hold(peer, next, room, flits)) return true;
      parked = &lanes_[next].parked;
    }
    copies_[at].asked = now;
    append(*parked, at);
    return false;
  }

  // Lanes behind its output that a branch may take.
  uint64_t lanes_of(int64_t branch) const {
    return network_.restricted ? static_cast<uint64_t>(burst_->channels[branch]) & every_ : every_;
  }

  // The first copy of a list has room, from a time on; false if none waits.
  bool grant(CopyList& parked, int32_t lane, int64_t time) {
    const int32_t first = pop(parked);
    if (first < 0) return false;
    PacketCopy& copy = copies_[first];
    copy.granted = lane;
    time = std::max(time, copy.asked);
    totals_[copy.output].starved += (time - copy.asked) / kParts;
    push(time, first);
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
    const int64_t cycle = input.timing->clock.cycle;
    lane.departed = std::max(lane.departed, end + cycle);
    if (--lane.copies) return;
    const int64_t time = start + input.timing->backward + cycle;
    if (PacketEnd* source = waiting_for(input, lane_at)) {
      source->lane = lane_at;
      source->waits = -1;
      wake(std::max(time, source->next), -1 - input.peer);
    } else if (!grant(lane.parked, lane_at, time)) {
      --lane.held;
    }
    const int32_t following = pop(lane.queue);
    if (following < 0) return;
    stand_in_front(following, lane, std::max(copies_[following].came, lane.departed));
  }

  // A frame is due, or a packet goes into one.
  void go_on_with_frames(int64_t now, int64_t what) {
    if (what >= network_.ports) fill(now, static_cast<int32_t>(what - network_.ports));
    else if (links_[what].due == now) close(what);
  }

  // Time of the frames that a packet takes but the last, which takes its tail.
  int64_t before_last(const PacketCopy& copy) const {
    const int64_t g = copy.output;
    const int64_t bits = copy.flits * network_.kind_bits[g * network_.kinds + copy.kind];
    return (frames_of(bits, port_[g].frame_bits) - 1) * port_[g].frame_ticks * kParts;
  }

  // A packet goes into the frame that a link is to send next, whole: so its tail has to be there.
  // One that is too long for what is left of the frame makes it several.
  void fill(int64_t now, int32_t at) {
    const int64_t g = copies_[at].output;
    const PortRow& row = port_[g];
    const int64_t flits = copies_[at].flits, kind = copies_[at].kind;
    PacketLink& link = links_[g];
    if (!link.frame.empty() && link.due <= now) close(g);
    if (link.frame.empty()) {
      depart(std::max(now + row.frame_wait * kParts, link.free_at), g);
      link.filled = now;
    }
    link.frame.push_back(at);
    link.filled = std::max(link.filled, now);
    link.bits += flits * network_.kind_bits[g * network_.kinds + kind];
    if (link.bits + flits * link.most_bits <= row.frame_bits) return;
    link.due = std::min(link.due, std::max(link.filled, link.free_at));
    ports_[g].free = std::max(ports_[g].free, link.due);
    close(g);
  }

  void depart(int64_t time, int64_t g) {
    links_[g].due = time;
    push(time, -1 - network_.nodes - g);
  }

  void close(int64_t g) {
    const PortRow& row = port_[g];
    PacketLink& link = links_[g];
    const int64_t starts = row.sleeps_after < 0 ? link.due : woken(link.due, g);
    const int64_t frames = frames_of(link.bits, row.frame_bits);
    link.free_at = link.used = starts + frames * row.frame_ticks * kParts;
    totals_[g].frames += frames;
    totals_[g].framed_bits += link.bits;
    ports_[g].busy += frames * row.frame_ticks;
    closed_.swap(link.frame);
    link.bits = 0;
    link.due = -1;
    for (const int32_t at : closed_) {
      const int32_t lane = copies_[at].granted;
      copies_[at].granted = -1;
      arrive(at, ports_[g], lane, link.free_at, link.free_at);
    }
    closed_.clear();
  }

  // When a link that may sleep takes what is sent: it has to be woken first.
  int64_t woken(int64_t time, int64_t g) {
    const int64_t asleep = time - links_[g].used - port_[g].sleeps_after * kParts;
    if (asleep <= 0) return time;
    totals_[g].asleep += asleep / kParts;
    return time + port_[g].wakes_in * kParts;
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
    const int64_t g = node_[where].port, flits = packet.flits;
    PacketPort& port = ports_[g];
    const PortTiming& timing = *port.timing;
    if (source.lane < 0) {
      const int64_t room = timing.fits(flits);
      const int32_t lane = choose_lane(g, static_cast<uint64_t>(flow.channels) & every_, room);
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
    const int32_t copy =
        new_copy({static_cast<int32_t>(number), static_cast<int32_t>(flits),
                  static_cast<int32_t>(burst_->kind_of(number)), static_cast<int32_t>(flow.root)});
    const int64_t comes = timing.clock.after(leaves + forward) + cycle;
    enter(copy, g, source.lane, comes, comes + lag);
    source.lane = -1;
    source.next =
        now + std::max(std::max(per_flit * flits, lag + cycle), of_lanes(timing, flits));
    nodes_.sent(where, leaves + lag);
  }

  // Tells what happened in the burst.
  void count(BusiestRow& busiest) {
    nodes_.busiest(busiest);
    busiest.port = busiest.port_ticks = 0;
    for (int64_t g = 0; g < network_.ports; ++g) {
      const PacketPort& port = ports_[g];
      PortCounts& total = totals_[g];
      total.flits += port.flits;
      total.waited += port.waited;
      total.busy += port.busy;
      total.most_queued = std::max<int64_t>(total.most_queued, port.most_queued);
      if (port_[g].peer >= 0 && port.busy > busiest.port_ticks) {
        busiest.port = g;
        busiest.port_ticks = port.busy;
      }
      if (port_[g].peer == kNoPeer || port_[g].sleeps_after < 0) continue;
      const int64_t idle = nodes_.last() - links_[g].used - port_[g].sleeps_after * kParts;
      total.asleep += std::max<int64_t>(0, idle) / kParts;
    }
  }

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
  std::vector<PacketLink> links_;   // [ports]
  std::vector<PacketCopy> copies_;
  std::vector<int32_t> next_;       // [copies], in a list
  std::vector<int32_t> unused_, closed_;
  Calendar<Event> calendar_;
  std::vector<Event> events_;
  int64_t* history_ = nullptr;
};

inline std::unique_ptr<BurstRun> packet_burst(const Bursts& all, const Network& network) {
  return std::make_unique<PacketBurst>(all, network);
}

}  // namespace chipletsim
