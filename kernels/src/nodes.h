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

// Times are in ticks times `scale`, a power of two. A node with one processor takes what has come
// before it makes the next packet, and each to its end; one with two does both at once. Work begins
// and ends at any tick, whenever the node's clock lets it be seen. Packets that answer others are
// made before those that answer none, in the order in which they may be begun.
class Nodes {
 public:
  void build(const Network& network, int64_t scale) {
    nodes_ = network.nodes;
    row_ = network.node;
    scale_ = scale;
    shift_ = __builtin_ctzll(scale);
    state_.resize(network.nodes);
  }

  void begin(const Burst& burst) {
    burst_ = &burst;
    const int64_t gates = burst.steps * nodes_;
    expected_.assign(burst.expected, burst.expected + gates);
    ended_.assign(gates, 0);
    left_.assign(burst.packets, 0);
    made_.assign(burst.packets, 0);
    order_.assign(burst.packets, 0);
    std::fill_n(burst.made, burst.packets, -1);
    std::fill_n(burst.injected, burst.packets, -1);
    std::fill_n(burst.arrived, burst.delivery[burst.packets], -1);
    std::fill_n(burst.taken, burst.delivery[burst.packets], -1);
    link_answers();
    last_ = flying_ = 0;
    int64_t packet = 0;
    for (int64_t at = 0; at < nodes_; ++at) {
      State& node = state_[at];
      node.packet = node.making = node.listed = node.first = packet;
      node.queued = node.departed = 0;
      node.step = node.step_ended = 0;
      while (packet < burst.packets && burst.packet[packet].source == at) ++packet;
      node.end = packet;
      node.make_free = node.work_free = node.making_busy = node.working_busy = 0;
      node.pending.clear();
      node.begun = 0;
      node.answers.clear();
      node.answered = 0;
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

  // Fetches what will be needed of a node. Inlined, and so the next two, or else compilers take
  // them for functions that do nothing, and leave them out.
  __attribute__((always_inline)) void expect(int64_t at) const {
    const char* line = reinterpret_cast<const char*>(&state_[at]);
    __builtin_prefetch(line);
    __builtin_prefetch(line + 64);
    __builtin_prefetch(line + 128);
    __builtin_prefetch(line + 192);
  }
  // Likewise of a packet that comes: first this, then the other.
  __attribute__((always_inline)) void expect_packet(int64_t packet) const {
    __builtin_prefetch(&burst_->delivery[packet]);
  }
  __attribute__((always_inline)) void expect_delivery(int64_t packet) const {
    const int64_t delivery = burst_->delivery[packet];
    __builtin_prefetch(&burst_->arrived[delivery], 1);
    __builtin_prefetch(&burst_->taken[delivery], 1);
    __builtin_prefetch(&burst_->processing[delivery]);
  }
  // Flow of the packet that a node sends next, as far as is known; -1 if there is none.
  int64_t following(int64_t at) const {
    const State& node = state_[at];
    const int64_t number = node.packet < node.making ? order_[node.packet] : node.listed;
    return number < node.end ? burst_->packet[number].flow : -1;
  }

  // When the last work was done.
  int64_t last() const { return last_; }

  // The tail of a packet comes, by a virtual channel.
  void deliver(int64_t now, int64_t at, int64_t packet, int64_t rank, int32_t channel) {
    const int64_t delivery = burst_->delivery[packet] + rank;
    burst_->arrived[delivery] = ticks(now);
    last_ = std::max(last_, now);
    // What its node itself has made may be told late, after what came since.
    std::vector<Pending>& pending = state_[at].pending;
    pending.push_back({now, delivery, packet, channel});
    for (size_t k = pending.size() - 1; k > state_[at].begun && pending[k - 1].came > now; --k) {
      std::swap(pending[k - 1], pending[k]);
    }
  }

  // Begins all work of a node that can begin by now, in the order of time, and calls
  // give(taken, channel) for what came and is taken. Returns when the node has to be looked at
  // again, -1 if not before something comes.
  template <class Give>
  int64_t work(int64_t now, int64_t at, const Give& give) {
    State& node = state_[at];
    const bool one = row_[at].processors == 1;
    for (;;) {
      int64_t takes = kNever;
      if (node.begun < node.pending.size()) {
        const int64_t came = node.pending[node.begun].came;
        // A processor of its own takes one after the other, whatever happens meanwhile.
        takes = one ? std::max(came, node.work_free) : came;
      } else if (node.begun) {
        node.pending.clear();
        node.begun = 0;
      }
      int64_t makes = node.make_free;  // or has made what is for itself
      if (node.own < 0) {
        pass_work(node);
        if (!can_make(at, node, makes)) makes = kNever;
      }
      const bool take_first = takes < makes || (takes == makes && node.own < 0);
      const int64_t next = take_first ? takes : makes;
      if (next > now) return next == kNever ? -1 : next;
      if (take_first) {
        take(at, node, one, give);
      } else if (node.own < 0) {
        make(node, one, makes);
      } else {
        deliver(makes, at, node.own, 0, -1);
        node.own = -1;
      }
    }
  }

  // The packet at the front of a node's queue, nullptr if it may not leave yet; `when` is then the
  // tick in which it may, -1 if that is not known.
  const PacketRow* front(int64_t now, int64_t at, int64_t& when) {
    State& node = state_[at];
    when = -1;
    pass_work(node);
    if (node.packet == node.making) return nullptr;
    const PacketRow& packet = row(node.packet);
    const int64_t available = std::max(packet.ready * scale_, made_[number(at)]);
    if (available <= now) return &packet;
    when = available;
    return nullptr;
  }

  int64_t number(int64_t at) const { return order_[state_[at].packet]; }

  // The head of the packet at the front leaves.
  void inject(int64_t now, int64_t at) {
    const int64_t packet = number(at);
    burst_->injected[packet] = ticks(now);
    flying_ += burst_->delivery[packet + 1] - burst_->delivery[packet];
  }

  // The packet at the front has left.
  void sent(int64_t at, int64_t now) {
    State& node = state_[at];
    left_[node.first + node.departed++] = now;
    ++node.packet;
  }

 private:
  static constexpr int64_t kNever = INT64_MAX;

  struct Pending {
    int64_t came, delivery, packet;
    int32_t channel;
  };

  struct Answer {
    int64_t from, packet;  // when it may be begun
  };

  struct alignas(64) State {
    int64_t packet, making;     // places in `order_`: the next to leave, and the next to be made
    int64_t end;                // of its rows and places
    int64_t listed;             // row: the next to be made that answers none
    int64_t first;              // of its packets, in `left_`
    int64_t queued, departed;   // packets for other nodes that were begun, and that have left
    int64_t step, step_ended;   // steps whose deliveries are all done, and when
    int64_t make_free, work_free;
    int64_t making_busy, working_busy;
    std::vector<Pending> pending;
    size_t begun;               // of the pending ones
    std::vector<Answer> answers;  // those that wait for no delivery any more
    size_t answered;            // of these, begun
    bool answers_next;          // whether the next to be made is one of them
    int64_t own;                // packet for the node itself that is being made, -1 for none
  };

  int64_t ticks(int64_t time) const { return (time + scale_ - 1) >> shift_; }

  // The packet at a place in the order in which those of its node are made.
  const PacketRow& row(int64_t place) const { return burst_->packet[order_[place]]; }

  // Lists the packets that answer each delivery, if any does.
  void link_answers() {
    answer_.clear();
    if (!burst_->after) return;
    answer_.assign(burst_->delivery[burst_->packets], -1);
    next_answer_.assign(burst_->packets, -1);
    for (int64_t k = burst_->packets - 1; k >= 0; --k) {
      const int64_t after = burst_->after[k];
      if (after < 0) continue;
      next_answer_[k] = answer_[after];
      answer_[after] = k;
    }
  }

  // What answers a delivery may be begun some ticks after the work on it has ended.
  void release(State& node, int64_t delivery, int64_t ended) {
    for (int64_t k = answer_[delivery]; k >= 0; k = next_answer_[k]) {
      std::vector<Answer>& answers = node.answers;
      answers.push_back({ended + burst_->packet[k].ready * scale_, k});
      for (size_t n = answers.size() - 1; n > node.answered; --n) {
        if (answers[n - 1].from <= answers[n].from) break;
        std::swap(answers[n - 1], answers[n]);
      }
    }
  }

  template <class Give>
  void take(int64_t at, State& node, bool one, const Give& give) {
    const Pending& each = node.pending[node.begun++];
    const int64_t taken = std::max(each.came, node.work_free);
    node.work_free = taken + burst_->processing[each.delivery] * scale_;
    node.working_busy += burst_->processing[each.delivery] * scale_;
    if (one) node.make_free = node.work_free;
    burst_->taken[each.delivery] = ticks(taken);
    last_ = std::max(last_, node.work_free);
    --flying_;
    if (each.channel >= 0) give(taken, each.channel);
    if (!answer_.empty()) release(node, each.delivery, node.work_free);
    if (!burst_->steps) return;
    const int64_t gate = burst_->packet[each.packet].step * nodes_ + at;
    ended_[gate] = std::max(ended_[gate], node.work_free);
    --expected_[gate];
  }

  // Whether a packet can be made; `begins` is raised to when it can begin. While the queue is full,
  // nothing is made.
  bool can_make(int64_t at, State& node, int64_t& begins) const {
    if (node.making == node.end) return false;
    const int64_t queue = row_[at].queue;
    if (queue && node.queued >= queue) {
      if (node.queued - node.departed >= queue) return false;
      begins = std::max(begins, left_[node.first + node.queued - queue]);
    }
    const bool some = node.answered < node.answers.size();
    const int64_t answer = some ? std::max(begins, node.answers[node.answered].from) : kNever;
    const int64_t listed = can_make_listed(at, node) ? std::max(begins, node.step_ended) : kNever;
    node.answers_next = some && answer <= listed;
    begins = std::min(answer, listed);
    return begins != kNever;
  }

  bool answers(int64_t packet) const { return burst_->after && burst_->after[packet] >= 0; }

  // Whether the next packet that answers none can be made, from the end of the steps before on.
  bool can_make_listed(int64_t at, State& node) const {
    while (node.listed < node.end && answers(node.listed)) ++node.listed;
    if (node.listed == node.end) return false;
    const int64_t step = burst_->steps ? burst_->packet[node.listed].step : 0;
    for (; node.step < step; ++node.step) {
      const int64_t gate = node.step * nodes_ + at;
      if (expected_[gate] > 0) return false;
      node.step_ended = std::max(node.step_ended, ended_[gate]);
    }
    return true;
  }

  // What was made for no other node leaves by itself.
  void pass_work(State& node) const {
    while (node.packet < node.making && row(node.packet).flow < 0) ++node.packet;
  }

  void make(State& node, bool one, int64_t begins) {
    const int64_t number =
        node.answers_next ? node.answers[node.answered++].packet : node.listed++;
    const PacketRow& packet = burst_->packet[number];
    order_[node.making++] = number;
    node.make_free = begins + packet.generation * scale_;
    node.making_busy += packet.generation * scale_;
    if (one) node.work_free = node.make_free;
    made_[number] = node.make_free;
    burst_->made[number] = ticks(node.make_free);
    last_ = std::max(last_, node.make_free);
    node.queued += packet.flow >= 0;
    if (packet.flow != kOwnNode) return;
    ++flying_;
    node.own = number;
  }

  const Burst* burst_ = nullptr;
  const NodeRow* row_ = nullptr;
  int64_t nodes_ = 0, scale_ = 1;
  int shift_ = 0;
  std::vector<State> state_;
  std::vector<int64_t> expected_, ended_;  // [steps, nodes]
  std::vector<int64_t> made_;              // [packets], when it was made
  std::vector<int64_t> left_;              // [packets], when tails left, node by node
  std::vector<int64_t> order_;             // [packets], as they are made, node by node
  std::vector<int64_t> answer_;            // [deliveries], first packet that answers it; or empty
  std::vector<int64_t> next_answer_;       // [packets], the next that answers the same
  int64_t last_ = 0, flying_ = 0;
};

}  // namespace chipletsim
