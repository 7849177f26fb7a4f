// Bursts of packets, flit by flit, through networks of routers: the timing model `cycle`.
//
// Work is done where a flit or a credit is: events wait in a calendar, and a router runs in cycles in
// which something came, or in which it can go on. What runs in a tick sees the state that all
// arrivals of the tick left, so no order of routers or nodes matters. What a burst did not reach is
// not looked at before or after it, so that bursts of few packets are quick on large networks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "calendar.h"
#include "nodes.h"
#include "routers.h"

namespace chipletsim {

template <int Words, bool Forks>
class FlitBurst : public BurstRun {
 public:
  FlitBurst(const Bursts& all, const Network& network)
      : all_(all),
        network_(network),
        port_(network.port),
        node_(network.node),
        channels_(static_cast<int>(network.channels)),
        room_(network.ports),
        listed_(network.routers),
        links_(network.ports),
        wires_(network.ports),
        sources_(network.nodes),
        back_(network.nodes * channels_),
        running_(network.routers + network.nodes + 1),
        soon_(network.routers),
        used_(network.routers + 1),
        used_count_(network.routers) {
    routers_.build(network);
    nodes_.build(network, 1);
    std::iota(used_.begin(), used_.end(), 0);
    for (int64_t port = 0; port < network.ports; ++port) {
      const int64_t peer = port_[port].peer;
      if (peer != kNoPeer) room_[port] = peer >= 0 ? port_[peer].buffer : node_[-1 - peer].buffer;
    }
    for (int64_t port = 0; port < network.ports; ++port) {
      links_[port].most_bits = most_bits(network, port);
      const PortRow& row = port_[port];
      if (row.peer == kNoPeer) continue;
      if (row.sleeps_after >= 0) sleepers_.push_back(port);
      wires_[port] = {row.forward, routers_.cycle_at(row.peer < 0 ? port : row.peer), row.backward,
                      static_cast<int32_t>(row.peer < 0 ? -1 - row.peer : row.peer), row.peer < 0,
                      !row.frame_bits && row.sleeps_after < 0};
    }
  }

  PortCounts take_counts(int64_t port) override {
    return std::exchange(routers_.counts(port), {});
  }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    int64_t now = 0;
    while ((!calendar_.empty() || soon_count_) && !is_stopped()) {
      running_count_ = 0;
      if (soon_count_ && !calendar_.has_more()) {
        calendar_.take_at(now += network_.quantum, events_);
        for (int64_t k = 0; k < soon_count_; ++k) list(now, soon_[k]);
        soon_count_ = 0;
      } else {
        now = calendar_.take(events_);
      }
      for (const Event& event : events_) act(now, event);
      for (int64_t k = 0; k < running_count_; ++k) {
        const int32_t each = running_[k];
        if (each < 0) attend(now, -1 - each);
        else step(now, each);
      }
    }
    const int64_t left = nodes_.left();
    if (left && all_.held) routers_.tell_held(all_.held);
    all_.undelivered[burst] = left || at_rest() ? left : -1;
    sleep_until(nodes_.last());
    count(all_.busiest[burst]);
  }

 private:
  enum Kind : uint8_t { kArrives, kCredit, kDelivered, kSourceCredit, kRun, kNode, kFrame };

  struct Event {
    int32_t where;  // port of the network, node or router
    Kind kind;
    int8_t channel;
    uint32_t packet;
    int32_t stop;
  };

  // What an output sends flits on and an input gives credits back by.
  struct Wire {
    int64_t forward = 0, cycle = 1;   // of the output, and of the clock at the other end
    int64_t backward = 0;
    int32_t end = 0;                  // port or node at the other end
    bool to_node = false, plain = false;  // without frames, and it never sleeps
  };

  // A node as it sends.
  struct Source {
    int64_t asked;          // last tick in which it was attended to
    int64_t next;           // tick of its next flit at the earliest
    int64_t sent;           // flits of the packet
    uint64_t open;          // virtual channels with room
    int32_t channel, last;  // of the packet, and of the one before; -1 for none
  };

  // A link that sends frames, or sleeps.
  struct Link {
    std::vector<SentFlit> frame;  // that is being filled
    int64_t bits = 0, due = -1;   // of that frame; when it leaves, -1 while that is open
    int64_t starts = 0;           // the same before the router's clock
    int64_t free_at = 0;          // when the frame before has left
    int64_t used = 0;             // until when it was last in use
    int64_t busy = 0;             // ticks in which frames were on the wire
    int64_t most_bits = 0;        // of a flit of any kind
  };

  void begin(const Burst& burst) {
    burst_ = &burst;
    routers_.begin(burst);
    nodes_.begin(burst);
    calendar_.begin(network_.quantum);
    for (int64_t k = 0; k < used_count_; ++k) reset(used_[k]);
    used_count_ = 0;
    const uint64_t every = channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1;
    for (int64_t node = 0; node < network_.nodes; ++node) {
      sources_[node] = {-1, 0, 0, every, -1, -1};
      std::fill_n(back_.begin() + node * channels_, channels_,
                  static_cast<int32_t>(port_[node_[node].port].buffer));
      if (nodes_.has_packets(node)) add(0, {static_cast<int32_t>(node), kNode, 0, 0, 0});
    }
  }

  // Makes a router as if there had been no burst.
  void reset(int32_t router) {
    routers_.reset(router, room_);
    listed_[router] = -1;
    for (int64_t g = first_port(network_, router); g < first_port(network_, router + 1); ++g) {
      Link& link = links_[g];
      link.frame.clear();
      link.bits = link.free_at = link.used = link.busy = 0;
      link.due = -1;
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
      case kNode:
        awake(now, event.where);
        break;
      case kFrame:
        leave(now, event.where);
        break;
    }
  }

  void list(int64_t now, int64_t router) {
    // Whether it is new, nobody can foretell: so there is no branch.
    running_[running_count_] = static_cast<int32_t>(router);
    running_count_ += listed_[router] != now;
    used_[used_count_] = static_cast<int32_t>(router);
    used_count_ += listed_[router] < 0;
    listed_[router] = now;
  }

  // A node is attended to once all that comes in the tick is in.
  void awake(int64_t now, int32_t node) {
    if (sources_[node].asked == now) return;
    sources_[node].asked = now;
    running_[running_count_++] = -1 - node;
  }

  void step(int64_t now, int32_t router) {
    int64_t again;
    const int32_t count = routers_.run(now, router, again);
    for (int32_t k = 0; k < count; ++k) {
      const SentFlit& each = routers_.sent()[k];
      if (history_) {
        ++history_[each.output * all_.bins + std::min(now / all_.bin_ticks, all_.bins - 1)];
      }
      if (wires_[each.output].plain) travel(now, each);
      else if (port_[each.output].frame_bits) fill(now, each);
      else travel(enters(now, each), each);
      if (each.input >= 0) give_back(now, each.input, each.input_channel);
    }
    if (again < 0) return;
    again = aligned(again, routers_.cycle(router));
    if (again == now + network_.quantum) soon_[soon_count_++] = router;
    else add(again, {router, kRun, 0, 0, 0});
  }

  void travel(int64_t now, const SentFlit& sent) {
    const Wire& wire = wires_[sent.output];
    add(aligned(now + wire.forward, wire.cycle) + wire.cycle,
        {wire.end, wire.to_node ? kDelivered : kArrives,
         static_cast<int8_t>(sent.output_channel), sent.flit.packet, sent.flit.stop});
  }

  void give_back(int64_t now, int64_t port, int channel) {
    const Wire& wire = wires_[port];
    add(aligned(now + wire.backward, wire.cycle),
        {wire.end, wire.to_node ? kSourceCredit : kCredit, static_cast<int8_t>(channel), 0, 0});
  }

  // When a link that may sleep takes what is sent now: it has to be woken first.
  int64_t woken(int64_t now, int64_t g) {
    const int64_t asleep = now - links_[g].used - port_[g].sleeps_after;
    if (asleep <= 0) return now;
    routers_.counts(g).asleep += asleep;
    return now + port_[g].wakes_in;
  }

  // Likewise for a flit that a router has sent, which the link is in use for.
  int64_t enters(int64_t now, const SentFlit& sent) {
    const int64_t g = sent.output;
    const int64_t starts = woken(now, g);
    if (starts > now) {
      routers_.hold_back(g, starts + routers_.interval(g, sent.flit.packet & ~kTail));
    }
    links_[g].used = routers_.free_at(g);
    return starts;
  }

  // A flit goes into the frame that a link is to send next. Another frame can be filled once that
  // one is on the wire.
  void fill(int64_t now, const SentFlit& sent) {
    const int64_t g = sent.output;
    const PortRow& port = port_[g];
    Link& link = links_[g];
    const int64_t kind = burst_->kind_of(sent.flit.packet & ~kTail);
    if (link.frame.empty()) depart(std::max(now + port.frame_wait, link.free_at), g);
    link.frame.push_back(sent);
    link.bits += network_.kind_bits[g * network_.kinds + kind];
    if (link.bits + link.most_bits <= port.frame_bits) return;
    const int64_t leaves = std::max(now, link.free_at);
    if (leaves < link.starts) depart(leaves, g);
    routers_.hold_back(g, link.due);
  }

  void depart(int64_t time, int64_t g) {
    const int64_t due = aligned(time, routers_.cycle_at(g));
    links_[g].starts = time;
    links_[g].due = due;
    add(due, {static_cast<int32_t>(g), kFrame, 0, 0, 0});
  }

  void leave(int64_t now, int64_t g) {
    Link& link = links_[g];
    if (link.due != now || link.frame.empty()) return;
    const int64_t starts = port_[g].sleeps_after < 0 ? link.starts : woken(link.starts, g);
    if (starts > now) routers_.hold_back(g, starts);
    const int64_t frames = frames_of(link.bits, port_[g].frame_bits);
    link.free_at = link.used = starts + frames * port_[g].frame_ticks;
    link.busy += frames * port_[g].frame_ticks;
    for (const SentFlit& each : link.frame) travel(link.free_at, each);
    routers_.counts(g).frames += frames;
    routers_.counts(g).framed_bits += link.bits;
    link.frame.clear();
    link.bits = 0;
    link.due = -1;
  }

  void receive(int64_t now, const Event& event) {
    if (event.packet & kTail) {
      nodes_.deliver(now, event.where, event.packet & ~kTail, -1 - event.stop, event.channel);
      awake(now, event.where);
    } else {
      credit_from(now, event.where, event.channel);
    }
  }

  // A node has taken a flit.
  void credit_from(int64_t now, int64_t where, int32_t channel) {
    const int64_t port = node_[where].port;
    add(aligned(now + node_[where].backward, routers_.cycle_at(port)),
        {static_cast<int32_t>(port), kCredit, static_cast<int8_t>(channel), 0, 0});
  }

  void attend(int64_t now, int32_t where) {
    const int64_t next = nodes_.work(now, where, [&](int64_t taken, int32_t channel) {
      credit_from(taken, where, channel);
    });
    const int64_t cycle = routers_.cycle_at(node_[where].port);
    if (next >= 0) add(aligned(next, cycle), {where, kNode, 0, 0, 0});
    if (sources_[where].next <= now) send(now, where, cycle);
  }

  void send(int64_t now, int32_t where, int64_t cycle) {
    int64_t when;
    const PacketRow* packet = nodes_.front(now, where, when);
    if (!packet) {
      if (when >= 0) add(aligned(when, cycle), {where, kNode, 0, 0, 0});
      return;
    }
    Source& source = sources_[where];
    const FlowRow& flow = burst_->flow[packet->flow];
    if (source.channel < 0) {
      // The first one with room after the one used last.
      const uint64_t may = source.open & static_cast<uint64_t>(flow.channels);
      if (!may) return;
      source.channel = pick(may, source.last + 1 == channels_ ? 0 : source.last + 1);
    } else if (!(source.open >> source.channel & 1)) {
      return;
    }
    if (!--back_[where * channels_ + source.channel]) {
      source.open &= ~(uint64_t{1} << source.channel);
    }
    if (!source.sent) nodes_.inject(now, where);
    const bool tail = ++source.sent == packet->flits;
    const uint32_t number = static_cast<uint32_t>(nodes_.number(where));
    add(aligned(now + node_[where].forward, cycle) + cycle,
        {static_cast<int32_t>(node_[where].port), kArrives, static_cast<int8_t>(source.channel),
         number | (tail ? kTail : 0), static_cast<int32_t>(flow.root)});
    if (tail) {
      source.last = source.channel;
      source.channel = -1;
      source.sent = 0;
      nodes_.sent(where, now);
    }
    source.next = now + cycle;
    if (nodes_.has_packets(where)) add(source.next, {where, kNode, 0, 0, 0});
  }

  // Counts what the burst did, and sets the port that worked longest: of several the first one.
  void count(BusiestRow& row) {
    nodes_.busiest(row);
    row.port = row.port_ticks = 0;
    std::sort(used_.begin(), used_.begin() + used_count_);
    for (int64_t k = 0; k < used_count_; ++k) {
      const int32_t router = used_[k];
      routers_.count(router);
      for (int64_t g = first_port(network_, router); g < first_port(network_, router + 1); ++g) {
        const int64_t busy = port_[g].frame_bits ? links_[g].busy : routers_.busy(g);
        routers_.counts(g).busy += busy;
        if (port_[g].peer < 0) continue;  // of links alone
        if (busy > row.port_ticks) row.port = g, row.port_ticks = busy;
      }
    }
  }

  // Links that may sleep do so until the end.
  void sleep_until(int64_t end) {
    for (const int64_t g : sleepers_) {
      routers_.counts(g).asleep +=
          std::max<int64_t>(0, end - links_[g].used - port_[g].sleeps_after);
    }
  }

  // Whether nothing is under way, and all room is given back.
  bool at_rest() const {
    for (int64_t node = 0; node < network_.nodes; ++node) {
      for (int channel = 0; channel < channels_; ++channel) {
        if (back_[node * channels_ + channel] != port_[node_[node].port].buffer) return false;
      }
    }
    return std::all_of(used_.begin(), used_.begin() + used_count_,
                       [&](int32_t router) { return routers_.clean(router, room_); });
  }

  const Bursts& all_;
  const Network& network_;
  const PortRow* port_;
  const NodeRow* node_;
  const int channels_;
  const Burst* burst_ = nullptr;
  Routers<Words, Forks> routers_;
  Nodes nodes_;
  Calendar<Event> calendar_;
  std::vector<int64_t> room_;     // [ports], of each channel at the other end
  std::vector<int64_t> listed_;   // [routers], last tick in which it was listed
  std::vector<Link> links_;       // [ports]
  std::vector<Wire> wires_;       // [ports]
  std::vector<Source> sources_;   // [nodes]
  std::vector<int32_t> back_;     // [nodes, channels], credits of the source
  Batch<Event> events_;
  std::vector<int32_t> running_;  // routers, and -1 - node; then room for one that is no new one
  std::vector<int32_t> soon_;     // routers that run again after the quantum
  std::vector<int32_t> used_;     // routers that this burst reached, and room as above
  std::vector<int64_t> sleepers_; // ports of links that may sleep
  int64_t running_count_ = 0, soon_count_ = 0, used_count_ = 0;
  int64_t* history_ = nullptr;
};

inline int64_t most_ports(const Network& network) {
  int64_t most = 0;
  for (int64_t r = 0; r < network.routers; ++r) {
    most = std::max(most, first_port(network, r + 1) - first_port(network, r));
  }
  return most;
}

constexpr int64_t kPortLimit = 1024;

inline std::unique_ptr<BurstRun> flit_burst(const Bursts& all, const Network& network) {
  if (most_ports(network) > 64) {
    return std::make_unique<FlitBurst<kPortLimit / 64, true>>(all, network);
  }
  if (network.forks) return std::make_unique<FlitBurst<1, true>>(all, network);
  return std::make_unique<FlitBurst<1, false>>(all, network);
}

}  // namespace chipletsim
