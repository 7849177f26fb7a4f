// Bursts of packets through networks of routers, packet by packet: the timing model `queue`.
//
// A packet reserves one link of its way after the other, in the order of time. It stands in a
// virtual channel of each input, a queue of its own with room for as many packets as flits fit, and
// waits for the front of it, for the output, for the input's turn, and for room at the other end.
// Times are in fractions of a tick, so that the rate of a link that waits for credits is kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "calendar.h"
#include "ports.h"

namespace chipletsim {

class PacketBurst : public BurstRun {
 public:
  PacketBurst(const Bursts& all, const NetworkRow& network)
      : all_(all),
        network_(network),
        channels_(static_cast<int32_t>(network.channels)),
        every_(channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1),
        node_(all.node + network.node),
        ports_(network.ports),
        lanes_(network.ports * channels_),
        nodes_(network.nodes) {
    const RouterRow* router = all.router + network.router;
    for (int64_t r = 0; r < network.routers; ++r) {
      const int64_t end = r + 1 < network.routers ? router[r + 1].first_port : network.ports;
      for (int64_t g = router[r].first_port; g < end; ++g) {
        Port& port = ports_[g];
        port.first = static_cast<int32_t>(router[r].first_port);
        port.cycle = router[r].cycle * kParts;
        port.ready = (router[r].routing_delay + 1) * port.cycle;
        port.buffer = static_cast<int32_t>(all.port[network.port + g].buffer);
      }
    }
    for (int64_t g = 0; g < network.ports; ++g) set_rate(g);
  }

  const PortCounts& counts(int64_t port) const override { return ports_[port].counts; }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    while (!calendar_.empty()) {
      calendar_.take(events_);
      for (const Event& event : events_) {
        if (event.copy < 0) send(event.time, -1 - event.copy);
        else advance(event.time, event.copy);
      }
    }
    int64_t left = flying_;
    for (const Node& node : nodes_) left += node.end - node.packet;
    all_.undelivered[burst] = left;
  }

 private:
  static constexpr int64_t kParts = 64;  // of a tick

  struct Event {
    int64_t time;
    int32_t copy;  // or -1 - node
  };

  // A packet, or a copy of it, on its way.
  struct Copy {
    int32_t packet;
    int32_t place;    // its stop; its branch once it stands at the front of its lane
    int32_t lane;     // where it stands
    int32_t next;     // in a list
    int32_t granted;  // lane behind its output in which it has room, or -1
    int64_t came;
    int64_t asked;    // when it began to wait for room
  };

  struct List {
    int32_t first = -1, last = -1;
  };

  // A virtual channel of an input.
  struct Lane {
    List queue;             // behind the front packet
    List parked;            // copies that wait for room in it
    bool node_waits = false;
    int32_t held = 0;       // packets that have room in it
    int32_t copies = 0;     // of the front packet, still to go
    int64_t departed = 0;   // when the last packet has left
  };

  struct Port {
    int64_t free = 0;       // as an output
    int64_t turn_free = 0;  // as an input
    int64_t cycle = 0, ready = 0;
    int64_t per_flit = 0, forward = 0, backward = 0;
    int32_t first = 0, peer = -1, buffer = 0;
    int32_t turn = 0;       // lane that the next packet takes, as an input
    PortCounts counts{};
  };

  struct Node {
    int64_t packet, end, first;
    int64_t made;        // when the packet before was made
    int64_t next;        // when the source is free
    int64_t busy_until;  // as a receiver
    int64_t available;   // when the packet leaves at the earliest, -1 if unknown
    int32_t lane;        // with room for the next packet, or -1
    bool gated;          // waits for deliveries of the step before
    std::vector<int64_t> taken;  // of the last packets, as many as it holds
    int64_t received;
  };

  void set_rate(int64_t g) {
    Port& port = ports_[g];
    const PortRow& row = all_.port[network_.port + g];
    if (row.peer == kNoPeer) return;
    port.peer = static_cast<int32_t>(row.peer);
    port.forward = row.forward * kParts;
    port.backward = row.backward * kParts;
    port.per_flit = row.interval * kParts;
    if (row.peer < 0) {
      port.forward += port.cycle;
      return;
    }
    const PortRow& other = all_.port[network_.port + row.peer];
    const Port& there = ports_[row.peer];
    port.forward += there.cycle;
    // Flits of one lane in the time from sending a flit until its credit is back.
    const int64_t loop = port.forward + there.ready + other.backward * kParts;
    port.per_flit = std::max(port.per_flit, loop / (channels_ * other.buffer));
  }

  void begin(const BurstRow& row) {
    row_ = row;
    calendar_.begin(network_.quantum);
    copies_.clear();
    unused_.clear();
    flying_ = 0;
    for (Port& port : ports_) {
      port.free = port.turn_free = 0;
      port.turn = 0;
    }
    for (Lane& lane : lanes_) lane = {};
    const int64_t gates = row.steps * network_.nodes;
    expected_.assign(all_.expected + row.gate, all_.expected + row.gate + gates);
    ended_.assign(gates, 0);
    left_.assign(row.packets, 0);
    int64_t packet = row.packet;
    const int64_t end = row.packet + row.packets;
    for (int64_t at = 0; at < network_.nodes; ++at) {
      Node& node = nodes_[at];
      node.packet = node.first = node.end = packet;
      while (node.end < end && all_.packet[node.end].source == at) ++node.end;
      packet = node.end;
      node.made = node.next = node.busy_until = node.received = 0;
      node.available = node.lane = -1;
      node.gated = false;
      node.taken.assign(node_[at].buffer * channels_, 0);
      if (node.packet < node.end) wake(0, static_cast<int32_t>(at));
    }
  }

  void push(int64_t time, int32_t copy) {
    calendar_.add(time / kParts / network_.quantum * network_.quantum, {time, copy});
  }
  void wake(int64_t time, int32_t node) { push(time, -1 - node); }

  int32_t fits(const Port& port, int64_t flits) const {
    return std::max<int32_t>(1, port.buffer / static_cast<int32_t>(flits));
  }

  // The next lane of an input in turn that has room, else the next in turn.
  int32_t choose_lane(int64_t g, uint64_t may, int64_t flits) {
    Port& port = ports_[g];
    may &= every_;
    const int32_t room = fits(port, flits);
    uint64_t left = may & (~uint64_t{0} << port.turn);
    int32_t chosen = pick(may, port.turn);
    for (int half = 0; half < 2; ++half, left = may & ~(~uint64_t{0} << port.turn)) {
      for (; left; left &= left - 1) {
        const int32_t v = __builtin_ctzll(left);
        if (lanes_[g * channels_ + v].held < room) {
          chosen = v;
          half = 2;
          break;
        }
      }
    }
    port.turn = chosen + 1 == channels_ ? 0 : chosen + 1;
    return static_cast<int32_t>(g) * channels_ + chosen;
  }

  // Takes room in a lane; false if there is none.
  bool hold(int32_t lane, int64_t flits) {
    Port& port = ports_[lane / channels_];
    int32_t& held = lanes_[lane].held;
    if (held >= fits(port, flits)) return false;
    ++held;
    port.counts.most_queued = std::max<int64_t>(port.counts.most_queued, held * flits);
    return true;
  }

  int32_t new_copy(const Copy& copy) {
    if (unused_.empty()) {
      copies_.push_back(copy);
      return static_cast<int32_t>(copies_.size()) - 1;
    }
    const int32_t at = unused_.back();
    unused_.pop_back();
    copies_[at] = copy;
    return at;
  }

  // A packet comes into a lane in which it has room.
  void enter(int32_t at, int32_t lane_at, int64_t time) {
    Lane& lane = lanes_[lane_at];
    copies_[at].lane = lane_at;
    copies_[at].came = time;
    if (lane.copies) append(lane.queue, at);
    else stand_in_front(at, lane, time);
  }

  void append(List& list, int32_t at) {
    copies_[at].next = -1;
    if (list.last < 0) list.first = at;
    else copies_[list.last].next = at;
    list.last = at;
  }

  void stand_in_front(int32_t at, Lane& lane, int64_t time) {
    const int64_t begin = all_.stop[copies_[at].place], end = all_.stop[copies_[at].place + 1];
    const int64_t ready = time + ports_[copies_[at].lane / channels_].ready;
    lane.copies = static_cast<int32_t>(end - begin);
    for (int64_t branch = begin; branch < end; ++branch) {
      const int32_t each = branch + 1 < end ? new_copy(copies_[at]) : at;
      copies_[each].place = static_cast<int32_t>(branch);
      push(ready, each);
    }
  }

  // A copy at the front of its lane takes its output, and room in a lane behind it.
  void advance(int64_t now, int32_t at) {
    const Copy copy = copies_[at];
    const int64_t flits = all_.packet[row_.packet + copy.packet].flits;
    const BranchRow& branch = all_.branch[copy.place];
    Port& input = ports_[copy.lane / channels_];
    Port& output = ports_[input.first + branch.port];
    int64_t start = std::max(now, std::max(output.free, input.turn_free));
    int32_t next = copy.granted;
    if (output.peer < 0) {
      start = std::max(start, room_at(-1 - output.peer));
    } else if (next < 0) {
      next = choose_lane(output.peer, static_cast<uint64_t>(branch.channels), flits);
      if (!hold(next, flits)) {
        copies_[at].asked = now;
        append(lanes_[next].parked, at);
        return;
      }
    }
    const int64_t apart = std::max(output.per_flit, output.cycle);
    output.free = start + std::max(output.per_flit * flits, output.cycle * (flits + 1) / channels_);
    input.turn_free = start + output.cycle * flits;
    output.counts.flits += flits;
    output.counts.waited += (start - copy.came) / kParts * flits;
    if (history_) note(&output - ports_.data(), start / kParts, flits);
    leave(copy.lane, start, start + apart * (flits - 1));
    const int64_t there = start + output.forward;
    if (output.peer < 0) {
      receive(there + apart * (flits - 1), -1 - output.peer, copy.packet, -1 - branch.next);
      unused_.push_back(at);
      return;
    }
    copies_[at].place = static_cast<int32_t>(branch.next);
    copies_[at].granted = -1;
    enter(at, next, there);
  }

  void note(int64_t port, int64_t tick, int64_t flits) {
    history_[port * all_.bins + std::min(tick / all_.bin_ticks, all_.bins - 1)] += flits;
  }

  // A copy leaves the front of its lane, and its last flit at `end`.
  void leave(int32_t lane_at, int64_t start, int64_t end) {
    Lane& lane = lanes_[lane_at];
    lane.departed = std::max(lane.departed, end);
    if (--lane.copies) return;
    const Port& input = ports_[lane_at / channels_];
    give_room(lane, lane_at, start + input.backward + input.cycle);
    if (lane.queue.first < 0) return;
    const int32_t following = lane.queue.first;
    lane.queue.first = copies_[following].next;
    if (lane.queue.first < 0) lane.queue.last = -1;
    stand_in_front(following, lane,
                   std::max(copies_[following].came, lane.departed + input.cycle));
  }

  // The first that waits for room in a lane has it.
  void give_room(Lane& lane, int32_t lane_at, int64_t time) {
    if (lane.node_waits) {
      lane.node_waits = false;
      const int32_t at = -1 - ports_[lane_at / channels_].peer;
      nodes_[at].lane = lane_at;
      wake(std::max(time, nodes_[at].next), at);
      return;
    }
    const int32_t first = lane.parked.first;
    if (first < 0) {
      --lane.held;
      return;
    }
    Copy& copy = copies_[first];
    lane.parked.first = copy.next;
    if (copy.next < 0) lane.parked.last = -1;
    copy.granted = lane_at;
    time = std::max(time, copy.asked);
    const Port& input = ports_[copy.lane / channels_];
    ports_[input.first + all_.branch[copy.place].port].counts.starved +=
        (time - copy.asked) / kParts;
    push(time, first);
  }

  // When a node has room for one more packet.
  int64_t room_at(int64_t at) const {
    const Node& node = nodes_[at];
    return node.taken[node.received % node.taken.size()];
  }

  void receive(int64_t time, int64_t at, int32_t packet, int64_t rank) {
    Node& node = nodes_[at];
    const int64_t delivery = all_.delivery[row_.packet + packet] + rank;
    const int64_t taken = std::max(time, node.busy_until);
    node.busy_until = taken + all_.processing[delivery] * kParts;
    // Room for a packet is there once it is taken, but not before its credit is back.
    node.taken[node.received++ % node.taken.size()] =
        taken > time ? taken + node_[at].backward * kParts : 0;
    all_.arrived[delivery] = ticks(time);
    all_.taken[delivery] = ticks(taken);
    --flying_;
    if (!row_.steps) return;
    const int64_t gate = all_.packet[row_.packet + packet].step * network_.nodes + at;
    ended_[gate] = std::max(ended_[gate], node.busy_until);
    if (--expected_[gate] || !node.gated) return;
    node.gated = false;
    wake(ended_[gate], static_cast<int32_t>(at));
  }

  static int64_t ticks(int64_t parts) { return (parts + kParts - 1) / kParts; }

  // Finds when the next packet of a node is available; false if that is not known yet.
  bool prepare(int32_t at) {
    Node& node = nodes_[at];
    const PacketRow& packet = all_.packet[node.packet];
    int64_t begins = node.made;
    if (row_.steps && packet.step > 0) {
      const int64_t gate = (packet.step - 1) * network_.nodes + at;
      node.gated = expected_[gate] > 0;
      if (node.gated) return false;
      begins = std::max(begins, ended_[gate]);
    }
    const int64_t queue = node_[at].queue;
    if (queue && node.packet - node.first >= queue) {
      begins = std::max(begins, left_[node.packet - queue - row_.packet]);
    }
    node.made = begins + packet.generation * kParts;
    all_.made[node.packet] = ticks(node.made);
    node.available = std::max(packet.ready * kParts, node.made);
    return true;
  }

  void send(int64_t now, int32_t at) {
    Node& node = nodes_[at];
    for (;;) {
      if (node.packet == node.end) return;
      if (node.available < 0 && !prepare(at)) return;
      if (all_.packet[node.packet].flow >= 0) break;
      end_packet(node, node.available);  // work that ends in no packet
    }
    if (node.available > now) {
      wake(node.available, at);
      return;
    }
    const PacketRow& packet = all_.packet[node.packet];
    const FlowRow& flow = all_.flow[packet.flow];
    const int64_t g = node_[at].port;
    if (node.lane < 0) {
      const int32_t lane = choose_lane(g, static_cast<uint64_t>(flow.channels), packet.flits);
      if (!hold(lane, packet.flits)) {
        lanes_[lane].node_waits = true;
        return;
      }
      node.lane = lane;
    }
    const Port& port = ports_[g];
    const int64_t forward = node_[at].forward * kParts + port.cycle;
    const int64_t loop = forward + port.ready + port.backward;
    const int64_t per_flit = std::max(port.cycle, loop / (channels_ * port.buffer));
    all_.injected[node.packet] = ticks(now);
    flying_ += all_.delivery[node.packet + 1] - all_.delivery[node.packet];
    const int32_t copy = new_copy({static_cast<int32_t>(node.packet - row_.packet),
                                   static_cast<int32_t>(flow.root), -1, -1, -1, 0, 0});
    enter(copy, node.lane, now + forward);
    node.lane = -1;
    node.next = now + std::max(per_flit * packet.flits,
                               port.cycle * (packet.flits + 1) / channels_);
    end_packet(node, now + port.cycle * (packet.flits - 1));
    if (node.packet < node.end) wake(node.next, at);
  }

  void end_packet(Node& node, int64_t now) {
    left_[node.packet - row_.packet] = now;
    ++node.packet;
    node.available = -1;
  }

  const Bursts& all_;
  const NetworkRow network_;
  const int32_t channels_;
  const uint64_t every_;
  const NodeRow* node_;
  BurstRow row_{};
  std::vector<Port> ports_;
  std::vector<Lane> lanes_;
  std::vector<Node> nodes_;
  std::vector<Copy> copies_;
  std::vector<int32_t> unused_;
  Calendar<Event> calendar_;
  std::vector<Event> events_;
  std::vector<int64_t> expected_, ended_, left_;
  int64_t* history_ = nullptr;
  int64_t flying_ = 0;
};

inline std::unique_ptr<BurstRun> packet_burst(const Bursts& all, const NetworkRow& network) {
  return std::make_unique<PacketBurst>(all, network);
}

}  // namespace chipletsim
