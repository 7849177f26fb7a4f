// What the nodes of a network do in a burst: they make packets, one after the other, and work on
// those that come. Shared by all that follows packets between them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "burst.h"

namespace chipletsim {

constexpr int64_t kNowhere = -1;  // flow of work that ends in no packet
constexpr int64_t kOwnNode = -2;  // flow of a packet for its own node, which enters no router

// Times are in ticks times `scale`. A node with one processor takes what came before it makes the
// next packet, and each to its end; one with two does both at once.
class Nodes {
 public:
  void build(const Bursts& all, const NetworkRow& network, int64_t scale) {
    all_ = &all;
    nodes_ = network.nodes;
    row_ = all.node + network.node;
    scale_ = scale;
    state_.resize(network.nodes);
  }

  void begin(const BurstRow& burst) {
    burst_ = burst;
    const int64_t gates = burst.steps * nodes_;
    expected_.assign(all_->expected + burst.gate, all_->expected + burst.gate + gates);
    ended_.assign(gates, 0);
    left_.assign(burst.packets, 0);
    made_.assign(burst.packets, 0);
    last_ = flying_ = 0;
    int64_t packet = burst.packet;
    const int64_t end = burst.packet + burst.packets;
    for (int64_t at = 0; at < nodes_; ++at) {
      State& node = state_[at];
      node.first = node.packet = node.making = packet;
      while (packet < end && all_->packet[packet].source == at) ++packet;
      node.end = packet;
      node.make_free = node.work_free = node.making_busy = node.working_busy = 0;
      node.pending.clear();
      node.begun = 0;
      node.own = -1;
    }
  }

  int64_t count() const { return nodes_; }
  bool has_packets(int64_t at) const { return state_[at].packet < state_[at].end; }

  // Packets and deliveries that are left.
  int64_t left() const {
    int64_t total = flying_;
    for (const State& node : state_) total += node.end - node.packet;
    return total;
  }

  // Sets the node that worked longest, and its ticks; of two processors the busier one counts.
  void busiest(BusiestRow& row) const {
    row.node = row.node_ticks = 0;
    for (int64_t at = 0; at < nodes_; ++at) {
      const State& node = state_[at];
      const int64_t busy = row_[at].processors == 1 ? node.making_busy + node.working_busy
                                                    : std::max(node.making_busy, node.working_busy);
      if (busy > row.node_ticks * scale_) {
        row.node = at;
        row.node_ticks = ticks(busy);
      }
    }
  }

  // When the last work was done.
  int64_t last() const { return last_; }

  // The tail of a packet comes, by a virtual channel.
  void deliver(int64_t now, int64_t at, int64_t packet, int64_t rank, int32_t channel) {
    const int64_t delivery = all_->delivery[burst_.packet + packet] + rank;
    all_->arrived[delivery] = ticks(now);
    last_ = std::max(last_, now);
    state_[at].pending.push_back({now, delivery, packet, channel});
  }

  // Begins all work of a node that can begin by now, and calls give(taken, channel) for what came
  // and is taken. Returns when the node has to be looked at again, -1 if not before something comes.
  template <class Give>
  int64_t work(int64_t now, int64_t at, const Give& give) {
    State& node = state_[at];
    const bool one = row_[at].processors == 1;
    for (;;) {
      if (node.own >= 0 && node.make_free <= now) {
        deliver(node.make_free, at, node.own, 0, -1);
        node.own = -1;
      }
      if (one && node.work_free > now) return node.work_free;
      if (node.begun < node.pending.size()) {
        take(at, node, one, give);
        continue;
      }
      if (!node.pending.empty()) {
        node.pending.clear();
        node.begun = 0;
      }
      if (node.own >= 0) return node.make_free;
      pass_work(at, node);
      int64_t begins = node.make_free;
      if (!can_make(at, node, begins)) return -1;
      if (begins > now) return begins;
      make(node, one, begins);
    }
  }

  // The packet at the front of a node's queue, nullptr if it may not leave yet; `when` is then the
  // tick in which it may, -1 if that is not known.
  const PacketRow* front(int64_t now, int64_t at, int64_t& when) {
    State& node = state_[at];
    when = -1;
    pass_work(at, node);
    if (node.packet == node.making) return nullptr;
    const PacketRow& packet = all_->packet[node.packet];
    const int64_t available = std::max(packet.ready * scale_, made_[node.packet - burst_.packet]);
    if (available <= now) return &packet;
    when = available;
    return nullptr;
  }

  int64_t number(int64_t at) const { return state_[at].packet - burst_.packet; }

  // The head of the packet at the front leaves.
  void inject(int64_t now, int64_t at) {
    const int64_t packet = state_[at].packet;
    all_->injected[packet] = ticks(now);
    flying_ += all_->delivery[packet + 1] - all_->delivery[packet];
  }

  // The packet at the front has left.
  void sent(int64_t at, int64_t now) {
    left_[state_[at].packet - burst_.packet] = now;
    ++state_[at].packet;
  }

 private:
  struct Pending {
    int64_t came, delivery, packet;
    int32_t channel;
  };

  struct State {
    int64_t first, end;         // rows of its packets
    int64_t packet, making;     // the next to leave, and the next to be made
    int64_t make_free, work_free;
    int64_t making_busy, working_busy;
    std::vector<Pending> pending;
    size_t begun;               // of the pending ones
    int64_t own;                // packet for the node itself that is being made, -1 for none
  };

  int64_t ticks(int64_t time) const { return (time + scale_ - 1) / scale_; }

  template <class Give>
  void take(int64_t at, State& node, bool one, const Give& give) {
    const Pending each = node.pending[node.begun++];
    const int64_t taken = std::max(each.came, node.work_free);
    node.work_free = taken + all_->processing[each.delivery] * scale_;
    node.working_busy += all_->processing[each.delivery] * scale_;
    if (one) node.make_free = node.work_free;
    all_->taken[each.delivery] = ticks(taken);
    last_ = std::max(last_, node.work_free);
    --flying_;
    if (each.channel >= 0) give(taken, each.channel);
    if (!burst_.steps) return;
    const int64_t gate = all_->packet[burst_.packet + each.packet].step * nodes_ + at;
    ended_[gate] = std::max(ended_[gate], node.work_free);
    --expected_[gate];
  }

  // Whether the next packet can be made; `begins` is raised to when it can begin.
  bool can_make(int64_t at, const State& node, int64_t& begins) const {
    if (node.making == node.end) return false;
    const int64_t step = burst_.steps ? all_->packet[node.making].step : 0;
    if (step > 0) {
      const int64_t gate = (step - 1) * nodes_ + at;
      if (expected_[gate] > 0) return false;
      begins = std::max(begins, ended_[gate]);
    }
    const int64_t queue = row_[at].queue;
    if (queue && node.making - node.first >= queue) {
      if (node.making - node.packet >= queue) return false;
      begins = std::max(begins, left_[node.making - queue - burst_.packet]);
    }
    return true;
  }

  // What was made for no other node leaves the queue by itself.
  void pass_work(int64_t at, State& node) {
    while (node.packet < node.making && all_->packet[node.packet].flow < 0) {
      sent(at, made_[node.packet - burst_.packet]);
    }
  }

  void make(State& node, bool one, int64_t begins) {
    const PacketRow& packet = all_->packet[node.making];
    const int64_t number = node.making - burst_.packet;
    node.make_free = begins + packet.generation * scale_;
    node.making_busy += packet.generation * scale_;
    if (one) node.work_free = node.make_free;
    made_[number] = node.make_free;
    all_->made[node.making] = ticks(node.make_free);
    last_ = std::max(last_, node.make_free);
    ++node.making;
    if (packet.flow != kOwnNode) return;
    ++flying_;
    node.own = number;
  }

  const Bursts* all_ = nullptr;
  const NodeRow* row_ = nullptr;
  int64_t nodes_ = 0, scale_ = 1;
  BurstRow burst_{};
  std::vector<State> state_;
  std::vector<int64_t> expected_, ended_;  // [steps, nodes]
  std::vector<int64_t> made_, left_;       // [packets], when it was made, and when its tail left
  int64_t last_ = 0, flying_ = 0;
};

}  // namespace chipletsim
