// Bursts of packets, flit by flit, through networks of routers: the timing model `cycle`.
//
// Work is done where a flit or a credit is: events wait in a calendar, and a router runs in cycles in
// which something came, or in which it can go on. What runs in a tick sees the state that all
// arrivals of the tick left, so no order of routers or nodes matters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "calendar.h"
#include "routers.h"

namespace chipletsim {

template <int Words, bool Forks>
class FlitBurst : public BurstRun {
 public:
  FlitBurst(const Bursts& all, const NetworkRow& network)
      : all_(all),
        network_(network),
        port_(all.port + network.port),
        node_(all.node + network.node),
        channels_(static_cast<int>(network.channels)),
        room_(network.ports),
        listed_(network.routers),
        sources_(network.nodes),
        back_(network.nodes * channels_) {
    routers_.build(all, network);
    for (int64_t port = 0; port < network.ports; ++port) {
      const int64_t peer = port_[port].peer;
      if (peer != kNoPeer) room_[port] = peer >= 0 ? port_[peer].buffer : node_[-1 - peer].buffer;
    }
  }

  const PortCounts& counts(int64_t port) const override { return routers_.counts(port); }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    while (!calendar_.empty()) {
      const int64_t now = calendar_.take(events_);
      running_.clear();
      for (const Event& event : events_) act(now, event);
      for (const int32_t each : running_) {
        if (each < 0) send(now, -1 - each);
        else step(now, each);
      }
    }
    int64_t left = flying_;
    for (const Source& source : sources_) left += source.end - source.packet;
    if (left && all_.held) routers_.tell_held(all_.held);
    all_.undelivered[burst] = left || at_rest() ? left : -1;
  }

 private:
  enum Kind : uint8_t { kArrives, kCredit, kDelivered, kSourceCredit, kRun, kSend };

  struct Event {
    int32_t where;  // port of the network, node or router
    Kind kind;
    int8_t channel;
    uint32_t packet;
    int32_t stop;
  };

  struct Source {
    int64_t packet, end, first;  // row of the next packet, of the end, of the first one
    int64_t sent;                // flits of the packet
    int64_t made;                // tick in which the packet before was made
    int64_t available;           // tick in which the packet leaves at the earliest, -1 if unknown
    int64_t asked;               // last tick in which it tried to send
    int64_t busy_until;          // as a receiver
    uint64_t open;               // virtual channels with room
    int32_t channel, last;       // of the packet, and of the one before; -1 for none
    bool gated;                  // waits for deliveries of the step before
  };

  void begin(const BurstRow& row) {
    row_ = row;
    routers_.begin(room_);
    calendar_.begin(network_.quantum);
    std::fill(listed_.begin(), listed_.end(), -1);
    flying_ = 0;
    const int64_t gates = row.steps * network_.nodes;
    expected_.assign(all_.expected + row.gate, all_.expected + row.gate + gates);
    ended_.assign(gates, 0);
    left_.assign(row.packets, 0);
    const uint64_t every = channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1;
    int64_t packet = row.packet;
    const int64_t end = row.packet + row.packets;
    for (int64_t node = 0; node < network_.nodes; ++node) {
      Source& source = sources_[node];
      source = {packet, packet, packet, 0, 0, -1, -1, 0, every, -1, -1, false};
      while (source.end < end && all_.packet[source.end].source == node) ++source.end;
      packet = source.end;
      std::fill_n(back_.begin() + node * channels_, channels_,
                  static_cast<int32_t>(port_[node_[node].port].buffer));
      if (source.packet < source.end) add(0, {static_cast<int32_t>(node), kSend, 0, 0, 0});
    }
  }

  void add(int64_t time, const Event& event) { calendar_.add(time, event); }

  void act(int64_t now, const Event& event) {
    switch (event.kind) {
      case kArrives:
        routers_.arrive(now, event.where, event.channel, {event.packet, event.stop, now});
        list(now, routers_.router_of(event.where));
        break;
      case kCredit:
        routers_.credit(now, event.where, event.channel);
        list(now, routers_.router_of(event.where));
        break;
      case kRun:
        list(now, event.where);
        break;
      case kDelivered:
        receive(now, event);
        break;
      case kSourceCredit:
        ++back_[event.where * channels_ + event.channel];
        sources_[event.where].open |= uint64_t{1} << event.channel;
        awake(now, event.where);
        break;
      case kSend:
        awake(now, event.where);
        break;
    }
  }

  void list(int64_t now, int64_t router) {
    if (listed_[router] == now) return;
    listed_[router] = now;
    running_.push_back(static_cast<int32_t>(router));
  }

  // A node sends once all credits of the tick are in.
  void awake(int64_t now, int32_t node) {
    if (sources_[node].asked == now) return;
    sources_[node].asked = now;
    running_.push_back(-1 - node);
  }

  void step(int64_t now, int32_t router) {
    int64_t again;
    const int32_t count = routers_.run(now, router, again);
    for (int32_t k = 0; k < count; ++k) {
      const SentFlit& each = routers_.sent()[k];
      if (history_) {
        ++history_[each.output * all_.bins + std::min(now / all_.bin_ticks, all_.bins - 1)];
      }
      travel(now, each);
      if (each.input >= 0) give_back(now, each.input, each.input_channel);
    }
    if (again >= 0) add(aligned(again, routers_.cycle(router)), {router, kRun, 0, 0, 0});
  }

  void travel(int64_t now, const SentFlit& sent) {
    const int64_t peer = port_[sent.output].peer;
    const int64_t cycle = routers_.cycle_at(peer < 0 ? sent.output : peer);
    add(aligned(now + port_[sent.output].forward, cycle) + cycle,
        {static_cast<int32_t>(peer < 0 ? -1 - peer : peer), peer < 0 ? kDelivered : kArrives,
         static_cast<int8_t>(sent.output_channel), sent.flit.packet, sent.flit.stop});
  }

  void give_back(int64_t now, int64_t port, int channel) {
    const int64_t peer = port_[port].peer;
    const int64_t cycle = routers_.cycle_at(peer < 0 ? port : peer);
    add(aligned(now + port_[port].backward, cycle),
        {static_cast<int32_t>(peer < 0 ? -1 - peer : peer), peer < 0 ? kSourceCredit : kCredit,
         static_cast<int8_t>(channel), 0, 0});
  }

  void receive(int64_t now, const Event& event) {
    Source& node = sources_[event.where];
    const NodeRow& row = node_[event.where];
    int64_t taken = now;
    if (event.packet & kTail) {
      const int64_t packet = row_.packet + (event.packet & ~kTail);
      const int64_t delivery = all_.delivery[packet] - 1 - event.stop;
      taken = std::max(now, node.busy_until);
      node.busy_until = taken + all_.processing[delivery];
      all_.arrived[delivery] = now;
      all_.taken[delivery] = taken;
      --flying_;
      if (row_.steps) end_step(now, event.where, all_.packet[packet].step);
    }
    const int64_t cycle = routers_.cycle_at(row.port);
    add(aligned(taken + row.backward, cycle),
        {static_cast<int32_t>(row.port), kCredit, event.channel, 0, 0});
  }

  // A node is done with a delivery of a step.
  void end_step(int64_t now, int32_t where, int64_t step) {
    Source& node = sources_[where];
    const int64_t gate = step * network_.nodes + where;
    ended_[gate] = std::max(ended_[gate], node.busy_until);
    if (--expected_[gate] || !node.gated) return;
    node.gated = false;
    const int64_t wakes = aligned(ended_[gate], routers_.cycle_at(node_[where].port));
    if (wakes > now) add(wakes, {where, kSend, 0, 0, 0});
    else awake(now, where);
  }

  // Finds when the next packet of a node is available; false if that is not known yet.
  bool prepare(int64_t where) {
    Source& node = sources_[where];
    const PacketRow& packet = all_.packet[node.packet];
    int64_t begins = node.made;
    if (row_.steps && packet.step > 0) {
      const int64_t gate = (packet.step - 1) * network_.nodes + where;
      node.gated = expected_[gate] > 0;
      if (node.gated) return false;
      begins = std::max(begins, ended_[gate]);
    }
    const int64_t queue = node_[where].queue;
    if (queue && node.packet - node.first >= queue) {
      begins = std::max(begins, left_[node.packet - queue - row_.packet]);
    }
    node.made = begins + packet.generation;
    all_.made[node.packet] = node.made;
    node.available = std::max(packet.ready, node.made);
    return true;
  }

  void send(int64_t now, int32_t where) {
    Source& node = sources_[where];
    const int64_t cycle = routers_.cycle_at(node_[where].port);
    for (;;) {
      if (node.packet == node.end) return;
      if (node.available < 0 && !prepare(where)) return;
      if (all_.packet[node.packet].flow >= 0) break;
      end_packet(node, node.available);  // work that ends in no packet
    }
    if (node.available > now) {
      add(aligned(node.available, cycle), {where, kSend, 0, 0, 0});
      return;
    }
    const PacketRow& packet = all_.packet[node.packet];
    const FlowRow& flow = all_.flow[packet.flow];
    if (node.channel < 0) {
      // The first one with room after the one used last.
      const uint64_t may = node.open & static_cast<uint64_t>(flow.channels);
      if (!may) return;
      node.channel = pick(may, node.last + 1 == channels_ ? 0 : node.last + 1);
    } else if (!(node.open >> node.channel & 1)) {
      return;
    }
    if (!--back_[where * channels_ + node.channel]) node.open &= ~(uint64_t{1} << node.channel);
    const uint32_t number = static_cast<uint32_t>(node.packet - row_.packet);
    if (!node.sent) {
      all_.injected[node.packet] = now;
      flying_ += all_.delivery[node.packet + 1] - all_.delivery[node.packet];
    }
    const bool tail = ++node.sent == packet.flits;
    add(aligned(now + node_[where].forward, cycle) + cycle,
        {static_cast<int32_t>(node_[where].port), kArrives, static_cast<int8_t>(node.channel),
         number | (tail ? kTail : 0), static_cast<int32_t>(flow.root)});
    if (tail) {
      node.last = node.channel;
      end_packet(node, now);
    }
    if (node.packet < node.end) add(now + cycle, {where, kSend, 0, 0, 0});
  }

  void end_packet(Source& node, int64_t now) {
    left_[node.packet - row_.packet] = now;
    ++node.packet;
    node.sent = 0;
    node.available = node.channel = -1;
  }

  // Whether nothing is under way, and all room is given back.
  bool at_rest() const {
    for (int64_t node = 0; node < network_.nodes; ++node) {
      for (int channel = 0; channel < channels_; ++channel) {
        if (back_[node * channels_ + channel] != port_[node_[node].port].buffer) return false;
      }
    }
    return routers_.clean(room_);
  }

  const Bursts& all_;
  const NetworkRow network_;
  const PortRow* port_;
  const NodeRow* node_;
  const int channels_;
  BurstRow row_{};
  Routers<Words, Forks> routers_;
  Calendar<Event> calendar_;
  std::vector<int64_t> room_;               // [ports], of each channel at the other end
  std::vector<int64_t> listed_;             // [routers], last tick in which it was listed
  std::vector<Source> sources_;             // [nodes]
  std::vector<int32_t> back_;               // [nodes, channels], credits of the source
  std::vector<int64_t> expected_, ended_;   // [steps, nodes]
  std::vector<int64_t> left_;               // [packets], tick in which its tail left
  std::vector<Event> events_;
  std::vector<int32_t> running_;            // routers, and -1 - node
  int64_t* history_ = nullptr;
  int64_t flying_ = 0;                      // deliveries to come of packets that left
};

inline int64_t most_ports(const Bursts& all, const NetworkRow& network) {
  int64_t most = 0;
  for (int64_t r = 0; r < network.routers; ++r) {
    const RouterRow* row = all.router + network.router + r;
    most = std::max(most, (r + 1 < network.routers ? row[1].first_port : network.ports) -
                              row->first_port);
  }
  return most;
}

constexpr int64_t kPortLimit = 1024;

inline std::unique_ptr<BurstRun> flit_burst(const Bursts& all, const NetworkRow& network) {
  if (most_ports(all, network) > 64) {
    return std::make_unique<FlitBurst<kPortLimit / 64, true>>(all, network);
  }
  if (network.forks) return std::make_unique<FlitBurst<1, true>>(all, network);
  return std::make_unique<FlitBurst<1, false>>(all, network);
}

}  // namespace chipletsim
