// Input-queued routers with virtual channels and credits, and one cycle of one.
//
// Route computation, channel allocation, switch allocation and traversal take a cycle each, and
// both allocators are one round of iSLIP: outputs grant by a pointer, inputs accept by another, and
// pointers move where a grant was accepted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "ports.h"
#include "router_state.h"

namespace chipletsim {

// Routers of one network. Ports are numbered in the network (g), and in their router: p for an
// input, o for an output. A lane is a virtual channel of a port, v of its input or w of its output.
// A cell is a pair (o, p) of a router. With Forks, packets may be copied to several outputs.
template <int Words, bool Forks>
class Routers {
 public:
  void build(const Network& network) {
    restricted_ = network.restricted;
    kinds_ = network.kinds;
    interval_ = network.interval;
    channels_ = static_cast<int32_t>(network.channels);
    every_ = channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1;
    routers_.resize(network.routers);
    ports_.resize(network.ports);
    counts_.resize(network.ports);
    lanes_.resize(network.ports * channels_);
    const RouterRow* row = network.router;
    int64_t cells = 0, room = 0, most = 0;
    for (int64_t r = 0; r < network.routers; ++r) {
      const int64_t end = first_port(network, r + 1);
      const int64_t own = end - row[r].first_port;
      routers_[r] = {row[r].first_port, cells, row[r].cycle, row[r].routing_delay,
                     &ports_[row[r].first_port], &lanes_[row[r].first_port * channels_],
                     nullptr, static_cast<int32_t>(own), {}, {}, {}};
      for (int64_t g = row[r].first_port; g < end; ++g) {
        const PortRow& port = network.port[g];
        ports_[g].router = static_cast<int32_t>(r);
        ports_[g].buffer = static_cast<int32_t>(port.buffer);
        ports_[g].interval = network.interval[g * network.kinds];
        room += channels_ * port.buffer;
      }
      cells += own * own;
      most = std::max(most, own);
    }
    flits_.reset(new Flit[room]);
    Flit* queue = flits_.get();
    for (size_t k = 0; k < lanes_.size(); ++k) {
      lanes_[k].queue = queue;
      queue += ports_[k / channels_].buffer;
    }
    cells_.resize(cells);
    for (Router& each : routers_) each.cell = cells_.data() + each.cells;
    if (Forks) copies_.resize(cells * channels_);
    offers_.resize(most);
    wishes_.resize(most * channels_, -1);
    moves_.resize(most);
    grants_.resize(most * channels_);
    sent_.resize(most);
  }

  // Takes the packets of a burst.
  void begin(const Burst& burst) {
    burst_ = &burst;
    stop_ = burst.stop;
    branch_ = burst.branch;
  }

  // Empties a router; room: [ports], credits of each lane of the output.
  void reset(int32_t router, const std::vector<int64_t>& room) {
    Router& own = routers_[router];
    own.ready_to = own.waiting_to = own.routing = {};
    for (int32_t p = 0; p < own.own; ++p) {
      own.port[p].reset();
      const int32_t credits = static_cast<int32_t>(room[own.first + p]);
      for (int32_t v = 0; v < channels_; ++v) lane(own, p, v).reset(credits);
    }
    std::fill_n(own.cell, own.own * own.own, Cell{});
  }

  // Keeps an output from sending before a tick.
  void hold_back(int64_t port, int64_t until) {
    ports_[port].free_at = std::max(ports_[port].free_at, until);
  }
  int64_t free_at(int64_t port) const { return ports_[port].free_at; }
  int64_t interval(int64_t port, int64_t packet) const {
    return kinds_ == 1 ? ports_[port].interval
                       : interval_[port * kinds_ + burst_->kind_of(packet)];
  }
  // Counts of bursts that ended, and of what is rare.
  PortCounts& counts(int64_t port) { return counts_[port]; }
  int64_t busy(int64_t port) const { return ports_[port].busy; }
  int64_t router_of(int64_t port) const { return ports_[port].router; }
  int64_t cycle(int64_t router) const { return routers_[router].cycle; }
  int64_t cycle_at(int64_t port) const { return routers_[ports_[port].router].cycle; }

  // Adds what a router did in the burst to the counts.
  void count(int32_t router) {
    const Router& own = routers_[router];
    for (int32_t p = 0; p < own.own; ++p) {
      PortCounts& total = counts_[own.first + p];
      total.flits += own.port[p].flits;
      total.waited += own.port[p].waited;
      total.most_queued = std::max<int64_t>(total.most_queued, own.port[p].most_queued);
    }
  }

  // A flit comes into an input queue.
  void arrive(int64_t now, int64_t g, int32_t v, const Flit& flit) {
    Port& port = ports_[g];
    Lane& lane = lanes_[g * channels_ + v];
    int32_t at = lane.head + lane.queued;
    if (at >= port.buffer) at -= port.buffer;
    lane.queue[at] = flit;
    ++lane.queued;
    port.most_queued = std::max(port.most_queued, lane.queued);
    Router& router = routers_[port.router];
    const int32_t p = static_cast<int32_t>(g - router.first);
    if (!lane.open) {
      head_at_front(now, router, p, v);
      return;
    }
    if (!Forks) {
      if (lane.queued == 1 && lane.next_channel >= 0) {
        offer(now, router, lane.output, p, v, lane.next_channel);
      }
      return;
    }
    each_output(front(lane).stop, [&](const BranchRow& branch) {
      const int32_t o = branch.port;
      const Copy& copy = copy_of(router, o, p, v);
      if (copy.channel >= 0 && copy.ahead == lane.queued - 1) {
        offer(now, router, o, p, v, copy.channel);
      }
    });
  }

  // Room for a flit comes back to an output.
  void credit(int64_t now, int64_t g, int32_t w) {
    Lane& lane = lanes_[g * channels_ + w];
    if (lane.credits++ || lane.starved_since < 0) return;
    Port& port = ports_[g];
    Router& router = routers_[port.router];
    counts_[g].starved += now - lane.starved_since;
    lane.starved_since = -1;
    offer(now, router, static_cast<int32_t>(g - router.first), lane.holder_input,
          lane.holder_channel, w);
  }

  // One cycle of a router. Returns how many flits it sent, see `sent`, and sets `again` to when it
  // has to run once more, or to -1 if not before something comes.
  int32_t run(int64_t now, int64_t r, int64_t& again) {
    Router& router = routers_[r];
    again = -1;
    const int32_t moves = allocate_switch(now, router, again);
    const int32_t grants = allocate_channels(router);
    const bool changed = moves || grants || router.routing.any();
    compute_routes(now, router);
    for (int32_t k = 0; k < grants; ++k) take_channel(now, router, grants_[k]);
    for (int32_t k = 0; k < moves; ++k) send(now, router, moves_[k], sent_[k]);
    if (changed) again = now + router.cycle;
    return moves;
  }

  const SentFlit* sent() const { return sent_.data(); }

  // Whether nothing is queued, held or owed at a router.
  bool clean(int32_t router, const std::vector<int64_t>& room) const {
    const Router& own = routers_[router];
    for (int32_t p = 0; p < own.own; ++p) {
      if (own.port[p].taken) return false;
      for (int32_t v = 0; v < channels_; ++v) {
        const Lane& each = lane(own, p, v);
        if (each.queued || each.credits != room[own.first + p]) return false;
      }
    }
    return true;
  }

  // Writes what waits in each lane.
  void tell_held(HeldLane* held) const {
    for (size_t g = 0; g < ports_.size(); ++g) {
      const Router& router = routers_[ports_[g].router];
      const int32_t p = static_cast<int32_t>(g - router.first);
      for (int32_t v = 0; v < channels_; ++v) {
        const Lane& lane = lanes_[g * channels_ + v];
        HeldLane& told = held[g * channels_ + v];
        told = {-1, -1, -1};
        if (!lane.queued) continue;
        const int64_t packet = front(lane).packet & ~kTail;
        each_output(front(lane).stop, [&](const BranchRow& branch) {
          const int32_t o = branch.port;
          const bool waits = cell(router, o, p).waiting >> v & 1;
          const int32_t w = channel_of(router, lane, o, p, v);
          if (told.packet < 0 && (waits || w >= 0)) {
            told = {packet, router.first + o, waits ? -1 : w};
          }
        });
      }
    }
  }

 private:
  using Cell = RouterCell;
  using Copy = RouterCopy;
  using Grant = ChannelGrant;
  using Lane = RouterLane;
  using Move = SwitchMove;
  using Offer = SwitchOffer;
  using Port = RouterPort<Words>;
  using Router = RouterState<Words>;

  static Cell& cell(const Router& router, int32_t o, int32_t p) {
    return router.cell[o * router.own + p];
  }
  static Port& port(const Router& router, int32_t p) { return router.port[p]; }
  Lane& lane(const Router& router, int32_t p, int32_t v) const {
    return router.lane[p * channels_ + v];
  }
  Copy& copy_of(const Router& router, int32_t o, int32_t p, int32_t v) {
    return copies_[(router.cells + o * router.own + p) * channels_ + v];
  }
  const Copy& copy_of(const Router& router, int32_t o, int32_t p, int32_t v) const {
    return copies_[(router.cells + o * router.own + p) * channels_ + v];
  }
  const Flit& front(const Lane& lane) const { return lane.queue[lane.head]; }

  // Visits one branch to each output of a stop; they stand in the order of their outputs.
  template <class Visit>
  void each_output(int32_t stop, const Visit& visit) const {
    if (!Forks) {
      visit(branch_[stop]);
      return;
    }
    for (int64_t k = stop_[stop]; k < stop_[stop + 1]; ++k) {
      if (k == stop_[stop] || branch_[k].port != branch_[k - 1].port) visit(branch_[k]);
    }
  }

  // The branch that the packet at the front of a lane takes by an output.
  const BranchRow& branch_to(const Router& router, int32_t stop, int32_t o, int32_t p,
                             int32_t v) const {
    if (!Forks) return branch_[stop];
    return branch_[copy_of(router, o, p, v).branch];
  }

  int32_t channel_of(const Router& router, const Lane& lane, int32_t o, int32_t p,
                     int32_t v) const {
    return Forks ? copy_of(router, o, p, v).channel : lane.next_channel;
  }

  // A packet's head stands at the front of a queue; its route is computed from `now` on.
  void head_at_front(int64_t now, Router& router, int32_t p, int32_t v) {
    Lane& own = lane(router, p, v);
    const int32_t stop = front(own).stop;
    own.next_channel = -1;
    if (Forks) {
      own.open = static_cast<int32_t>(stop_[stop + 1] - stop_[stop]);
      each_output(stop, [&](const BranchRow& branch) {
        begin_copy(copy_of(router, branch.port, p, v), stop, &branch - branch_);
      });
    } else {
      own.open = 1;
      own.output = static_cast<int16_t>(branch_[stop].port);
      own.next = branch_[stop].next;
    }
    if (router.routing_delay == 0) {
      wait_for_channel(router, p, v);
      return;
    }
    own.routed_at = now + (router.routing_delay - 1) * router.cycle;
    router.routing.add(p);
    port(router, p).routing |= uint64_t{1} << v;
  }

  void begin_copy(Copy& copy, int32_t stop, int64_t branch) {
    const bool follows =
        branch + 1 < stop_[stop + 1] && branch_[branch + 1].port == branch_[branch].port;
    copy = {-1, 0, branch, !follows};
  }

  void wait_for_channel(Router& router, int32_t p, int32_t v) {
    if (!Forks) {
      wait_for(router, lane(router, p, v).output, p, v);
      return;
    }
    each_output(front(lane(router, p, v)).stop, [&](const BranchRow& branch) {
      wait_for(router, branch.port, p, v);
    });
  }

  void wait_for(Router& router, int32_t o, int32_t p, int32_t v) {
    cell(router, o, p).waiting |= uint64_t{1} << v;
    port(router, o).waiting_from.add(p);
    router.waiting_to.add(o);
  }

  // A lane that holds one of an output has a flit for it: it asks for the switch if there is room.
  void offer(int64_t now, Router& router, int32_t o, int32_t p, int32_t v, int32_t w) {
    Lane& out = lane(router, o, w);
    if (!out.credits) {
      out.starved_since = now;
      return;
    }
    cell(router, o, p).ready |= uint64_t{1} << v;
    port(router, o).ready_from.add(p);
    router.ready_to.add(o);
  }

  void withdraw(Router& router, int32_t o, int32_t p, int32_t v) {
    const uint64_t left = cell(router, o, p).ready &= ~(uint64_t{1} << v);
    Port& output = port(router, o);
    output.ready_from.remove_if(!left, p);
    router.ready_to.remove_if(!output.ready_from.any(), o);
  }

  // Finds the flits that cross the switch. Sets `wake` to when the next output is free.
  int32_t allocate_switch(int64_t now, Router& router, int64_t& wake) {
    PortSet<Words> granted;
    router.ready_to.each([&](int32_t o) {
      const Port& output = port(router, o);
      if (output.free_at > now) {
        if (wake < 0 || output.free_at < wake) wake = output.free_at;
        return;
      }
      const int32_t p = output.ready_from.first(output.grant);
      int32_t away = o - port(router, p).accept;  // from the input's pointer on
      if (away < 0) away += router.own;
      Offer& best = offers_[p];
      if (best.away >= 0 && best.away < away) return;
      best = {away, o};
      granted.add(p);
    });
    int32_t moves = 0;
    granted.each([&](int32_t p) {
      const int32_t o = offers_[p].output;
      offers_[p].away = -1;
      moves_[moves++] = {p, o, pick(cell(router, o, p).ready, port(router, p).turn)};
    });
    return moves;
  }

  // Finds the lanes that are given one of an output.
  int32_t allocate_channels(Router& router) {
    int32_t grants = 0;
    router.waiting_to.each([&](int32_t o) {
      const Port& output = port(router, o);
      uint64_t left = every_ & ~output.taken;
      if (!left) return;
      const int32_t p = output.waiting_from.only();
      const uint64_t lanes = p < 0 ? 0 : cell(router, o, p).waiting;
      if (!Forks && !restricted_ && lanes && !(lanes & (lanes - 1))) {
        // One lane alone is granted all that is free.
        const int32_t v = __builtin_ctzll(lanes);
        const Lane& own = lane(router, p, v);
        const int32_t w = pick(left, own.accept_output == o ? own.accept_channel : 0);
        grants_[grants++] = {p, v, o, w, 0};
        return;
      }
      for (; left; left &= left - 1) {
        Grant grant = granted(router, o, __builtin_ctzll(left));
        if (grant.input < 0) continue;
        int32_t& wish = wishes_[grant.input * channels_ + grant.channel];
        if (wish < 0) {
          wish = grants++;
        } else if (grants_[wish].away < grant.away) {
          continue;
        }
        grants_[wish] = grant;
      }
    });
    for (int32_t k = 0; k < grants; ++k) {
      wishes_[grants_[k].input * channels_ + grants_[k].channel] = -1;
    }
    return grants;
  }

  // The lane to which lane (o, w) is granted; its input is -1 if there is none.
  Grant granted(Router& router, int32_t o, int32_t w) {
    const Lane& out = lane(router, o, w);
    const PortSet<Words>& inputs = port(router, o).waiting_from;
    // Lanes from the pointer on, then those of further inputs, then those before the pointer.
    int32_t p = out.grant_input;
    uint64_t lanes = asking(router, o, w, p) & (~uint64_t{0} << out.grant_channel);
    for (int32_t tries = 0; !lanes && tries < router.own; ++tries) {
      p = inputs.first(p + 1 == router.own ? 0 : p + 1);
      lanes = asking(router, o, w, p);
      if (p == out.grant_input) break;
    }
    if (!lanes) return {-1, 0, 0, 0, 0};
    const int32_t v = __builtin_ctzll(lanes);
    const Lane& own = lane(router, p, v);
    int32_t away = (o - own.accept_output) * channels_ + w - own.accept_channel;
    if (away < 0) away += router.own * channels_;
    return {p, v, o, w, away};
  }

  // Lanes of input p that wait for output o and may take its lane w.
  uint64_t asking(Router& router, int32_t o, int32_t w, int32_t p) {
    const uint64_t waiting = cell(router, o, p).waiting;
    if (!restricted_) return waiting;
    uint64_t may = 0;
    for (uint64_t left = waiting; left; left &= left - 1) {
      const int32_t v = __builtin_ctzll(left);
      const BranchRow& branch = branch_to(router, front(lane(router, p, v)).stop, o, p, v);
      if (static_cast<uint64_t>(burst_->channels[&branch - branch_]) >> w & 1) may |= uint64_t{1} << v;
    }
    return may;
  }

  // Heads whose route is known by now wait for a lane of their output.
  void compute_routes(int64_t now, Router& router) {
    const PortSet<Words> routing = router.routing;
    routing.each([&](int32_t p) {
      Port& input = port(router, p);
      for (uint64_t left = input.routing; left; left &= left - 1) {
        const int32_t v = __builtin_ctzll(left);
        if (lane(router, p, v).routed_at > now) continue;
        input.routing &= ~(uint64_t{1} << v);
        wait_for_channel(router, p, v);
      }
      if (!input.routing) router.routing.remove(p);
    });
  }

  void take_channel(int64_t now, Router& router, const Grant& grant) {
    const int32_t o = grant.output, w = grant.output_channel, p = grant.input, v = grant.channel;
    Port& output = port(router, o);
    Lane& out = lane(router, o, w);
    Lane& own = lane(router, p, v);
    output.taken |= uint64_t{1} << w;
    out.holder_input = static_cast<int16_t>(p);
    out.holder_channel = static_cast<int16_t>(v);
    next_lane(router, p, v, out.grant_input, out.grant_channel);
    next_lane(router, o, w, own.accept_output, own.accept_channel);
    if (Forks) copy_of(router, o, p, v).channel = w;
    own.next_channel = static_cast<int16_t>(w);
    const uint64_t left = cell(router, o, p).waiting &= ~(uint64_t{1} << v);
    output.waiting_from.remove_if(!left, p);
    router.waiting_to.remove_if(!output.waiting_from.any(), o);
    offer(now, router, o, p, v, w);
  }

  void next_lane(const Router& router, int32_t p, int32_t v, int16_t& next_port,
                 int16_t& next_channel) const {
    const int32_t carry = v + 1 == channels_;
    next_channel = static_cast<int16_t>((v + 1) * !carry);
    next_port = static_cast<int16_t>((p + carry) * (p + carry != router.own));
  }

  void send(int64_t now, Router& router, const Move& move, SentFlit& sent) {
    const int32_t o = move.output, p = move.input, v = move.channel;
    Port& output = port(router, o);
    Port& input = port(router, p);
    Lane& own = lane(router, p, v);
    Copy* copy = Forks ? &copy_of(router, o, p, v) : nullptr;
    output.grant = p + 1 == router.own ? 0 : p + 1;
    input.accept = o + 1 == router.own ? 0 : o + 1;
    input.turn = v + 1 == channels_ ? 0 : v + 1;
    int32_t at = own.head + (Forks ? copy->ahead : 0);
    if (at >= input.buffer) at -= input.buffer;
    const Flit flit = own.queue[at];
    const int32_t w = Forks ? copy->channel : own.next_channel;
    --lane(router, o, w).credits;
    // Bandwidths that are no whole number of cycles hold on average.
    const int64_t interval = this->interval(router.first + o, flit.packet & ~kTail);
    output.free_at = (now - output.free_at < router.cycle ? output.free_at : now) + interval;
    output.busy += interval;
    ++output.flits;
    output.waited += now - flit.came;
    const bool tail = flit.packet & kTail;
    const int32_t done = Forks ? ++copy->ahead : 1;
    const bool more = !tail && done < own.queued;
    if (more && lane(router, o, w).credits) {
      // It asks again at once: its bit stays.
    } else {
      withdraw(router, o, p, v);
      if (more) lane(router, o, w).starved_since = now;
    }
    const int32_t next = Forks ? branch_[copy->branch].next : own.next;
    const bool left = leave_front(router, own, input, p, v);
    sent = {router.first + o, {flit.packet, next, now}, left ? router.first + p : -1, w, v};
    if (!tail) return;
    output.taken &= ~(uint64_t{1} << w);
    if (Forks) {
      copy->channel = -1;
      if (!copy->last) {
        begin_copy(*copy, flit.stop, copy->branch + 1);
        wait_for(router, o, p, v);
      }
    }
    if (--own.open) return;
    if (own.queued) head_at_front(now + router.cycle, router, p, v);
  }

  // Takes the flit off the front of a lane if all copies of it are sent.
  bool leave_front(const Router& router, Lane& own, const Port& input, int32_t p, int32_t v) {
    if (Forks) {
      bool all = true;
      const int32_t stop = front(own).stop;
      auto copy_to = [&](const BranchRow& branch) -> Copy& {
        return copy_of(router, branch.port, p, v);
      };
      each_output(stop, [&](const BranchRow& branch) {
        all &= copy_to(branch).last && copy_to(branch).ahead > 0;
      });
      if (!all) return false;
      each_output(stop, [&](const BranchRow& branch) { --copy_to(branch).ahead; });
    }
    // An empty queue begins anew, so that a short one stays in the same line of the cache.
    if (!--own.queued || ++own.head == input.buffer) own.head = 0;
    return true;
  }

  const Burst* burst_ = nullptr;
  int64_t kinds_ = 1;
  const int64_t* interval_ = nullptr;  // [ports, kinds]
  const int64_t* stop_ = nullptr;
  const BranchRow* branch_ = nullptr;
  bool restricted_ = false;  // whether packets may not take all lanes of an output
  int32_t channels_ = 0;
  uint64_t every_ = 0;
  std::vector<Router> routers_;
  std::vector<Port> ports_;
  std::vector<PortCounts> counts_;
  std::vector<Lane> lanes_;
  std::vector<Cell> cells_;
  std::vector<Copy> copies_;               // [cells, channels]
  std::unique_ptr<Flit[]> flits_;
  std::vector<Offer> offers_;              // [inputs], as they are made between cycles
  std::vector<int32_t> wishes_;            // [lanes], -1 between cycles
  std::vector<Move> moves_;
  std::vector<Grant> grants_;
  std::vector<SentFlit> sent_;
};

}  // namespace chipletsim
