// The state of input-queued routers with virtual channels and credits, and one cycle of one.
//
// Route computation, channel allocation, switch allocation and traversal take a cycle each, and
// both allocators are one round of iSLIP: outputs grant by a pointer, inputs accept by another, and
// pointers move where a grant was accepted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "burst.h"
#include "ports.h"

namespace chipletsim {

struct Flit {
  uint32_t packet;  // the top bit marks a tail
  int32_t stop;     // where it is on its flow
  int64_t came;     // tick
};
constexpr uint32_t kTail = uint32_t{1} << 31;

// Arrays for the routers of one network. Indices: port g of the network; port p or o of the
// router; virtual channel v of an input, w of an output; cell (o, p) of the router.
template <int Words>
class Routers {
 public:
  struct Sent {
    int64_t port;  // of the network
    int channel;
    Flit flit;
    int64_t freed;  // input port whose room it leaves, -1 while copies of it are left
    int freed_channel;
  };

  void build(const Bursts& all, const NetworkRow& network) {
    all_ = &all;
    restricted_ = network.restricted;
    router_ = all.router + network.router;
    row_ = all.port + network.port;
    channels_ = static_cast<int>(network.channels);
    every_ = channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1;
    ports_ = network.ports;
    routers_ = network.routers;
    home_.resize(ports_);
    cell_.resize(routers_ + 1);
    int64_t most = 0, cells = 0;
    for (int64_t r = 0; r < routers_; ++r) {
      const int64_t own = port_end(r) - router_[r].first_port;
      for (int64_t g = router_[r].first_port; g < port_end(r); ++g) home_[g] = r;
      cell_[r] = cells;
      cells += own * own;
      most = std::max(most, own);
    }
    cell_[routers_] = cells;
    ready_.resize(cells);
    waiting_.resize(cells);
    next_channel_.resize(cells * channels_);
    ahead_.resize(cells * channels_);
    for (auto* each : {&ready_from_, &waiting_from_}) each->resize(ports_);
    for (auto* each : {&ready_to_, &waiting_to_, &routing_}) each->resize(routers_);
    for (auto* each : {&taken_, &routing_channels_}) each->resize(ports_);
    free_at_.resize(ports_);
    for (auto* each : {&grant_, &accept_, &turn_}) each->resize(ports_);
    const int64_t lanes = ports_ * channels_;
    for (auto* each : {&credits_, &holder_, &channel_grant_, &channel_accept_, &head_, &queued_,
                       &open_}) {
      each->resize(lanes);
    }
    routed_at_.resize(lanes);
    starved_since_.resize(lanes);
    queue_.resize(lanes);
    int64_t room = 0;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      queue_[lane] = room;
      room += row_[lane / channels_].buffer;
    }
    flits_.resize(room);
    best_port_.resize(most);
    best_lane_.resize(most * channels_);
    counts_.assign(ports_, PortCounts{});
  }

  void begin(const std::vector<int64_t>& room) {  // room: [ports], credits of each output channel
    auto clear = [](auto& array) { std::fill(array.begin(), array.end(), 0); };
    clear(ready_);
    clear(waiting_);
    for (auto* each : {&ready_from_, &waiting_from_, &ready_to_, &waiting_to_, &routing_}) {
      std::fill(each->begin(), each->end(), PortSet<Words>{});
    }
    for (auto* each : {&taken_, &routing_channels_}) clear(*each);
    clear(free_at_);
    for (auto* each : {&grant_, &accept_, &turn_, &channel_grant_, &channel_accept_, &head_,
                       &queued_, &open_}) {
      clear(*each);
    }
    std::fill(starved_since_.begin(), starved_since_.end(), -1);
    for (int64_t lane = 0; lane < static_cast<int64_t>(credits_.size()); ++lane) {
      credits_[lane] = static_cast<int32_t>(room[lane / channels_]);
    }
  }

  int64_t router_of(int64_t port) const { return home_[port]; }
  int64_t cycle(int64_t router) const { return router_[router].cycle; }
  int64_t cycle_at(int64_t port) const { return router_[home_[port]].cycle; }
  const std::vector<PortCounts>& counts() const { return counts_; }

  // A flit comes into an input queue.
  void arrive(int64_t now, int64_t port, int channel, const Flit& flit) {
    const int64_t lane = port * channels_ + channel;
    const int32_t room = static_cast<int32_t>(row_[port].buffer);
    int32_t at = head_[lane] + queued_[lane];
    if (at >= room) at -= room;
    flits_[queue_[lane] + at] = flit;
    const int32_t queued = ++queued_[lane];
    counts_[port].most_queued = std::max<int64_t>(counts_[port].most_queued, queued);
    if (!open_[lane]) {
      if (queued == 1) head_at_front(now, port, channel);
      return;
    }
    const int64_t r = home_[port];
    const int p = static_cast<int>(port - router_[r].first_port);
    each_open(r, p, channel, [&](int o) {
      const int64_t cell = cell_at(r, o, p);
      if (ahead_[cell * channels_ + channel] == queued - 1) offer(now, r, o, p, channel);
    });
  }

  void credit(int64_t now, int64_t port, int channel) {
    const int64_t lane = port * channels_ + channel;
    if (credits_[lane]++ || starved_since_[lane] < 0) return;
    const int64_t r = home_[port];
    counts_[port].starved += now - starved_since_[lane];
    starved_since_[lane] = -1;
    const int32_t from = holder_[lane];
    offer(now, r, static_cast<int>(port - router_[r].first_port), from / channels_,
          from % channels_);
  }

  // One cycle of a router. Puts what it sends into `sent`; returns when it has to run again, or
  // -1 if not before something comes.
  int64_t run(int64_t now, int64_t r, std::vector<Sent>& sent) {
    moves_.clear();
    sent.clear();
    const int64_t wake = allocate_switch(now, r);
    allocate_channels(r);
    bool again = !moves_.empty() || !lanes_.empty();
    again |= compute_routes(now, r);
    for (const int32_t lane : lanes_) take_channel(now, r, lane);
    for (const Move& move : moves_) send(now, r, move, sent);
    if (again) return now + router_[r].cycle;
    return wake;
  }

  // Writes what waits in each lane.
  void tell_held(HeldLane* held) const {
    for (int64_t port = 0; port < ports_; ++port) {
      const int64_t r = home_[port];
      for (int v = 0; v < channels_; ++v) {
        const int64_t lane = port * channels_ + v;
        held[lane] = {-1, -1, -1};
        if (!queued_[lane]) continue;
        const Flit& flit = flits_[queue_[lane] + head_[lane]];
        int64_t count;
        const BranchRow* branch = branches(flit.stop, count);
        for (int64_t k = 0; k < count; ++k) {
          const int o = static_cast<int>(branch[k].port);
          const int64_t cell = cell_at(r, o, static_cast<int>(port - router_[r].first_port));
          const bool waits = waiting_[cell] >> v & 1;
          const int w = next_channel_[cell * channels_ + v];
          if (!waits && w < 0) continue;  // this copy is sent
          held[lane] = {flit.packet & ~kTail, router_[r].first_port + o, waits ? -1 : w};
          break;
        }
      }
    }
  }

  // Whether nothing is queued, held or owed.
  bool clean(const std::vector<int64_t>& room) const {
    for (size_t lane = 0; lane < credits_.size(); ++lane) {
      if (queued_[lane] || credits_[lane] != room[lane / channels_]) return false;
    }
    return std::all_of(taken_.begin(), taken_.end(), [](uint64_t each) { return !each; });
  }

 private:
  struct Move {
    int input, output, channel;
  };

  int64_t port_end(int64_t r) const {
    return r + 1 < routers_ ? router_[r + 1].first_port : ports_;
  }
  int64_t cell_at(int64_t r, int o, int p) const {
    return cell_[r] + o * (port_end(r) - router_[r].first_port) + p;
  }
  const BranchRow* branches(int32_t stop, int64_t& count) const {
    count = all_->stop[stop + 1] - all_->stop[stop];
    return all_->branch + all_->stop[stop];
  }

  const BranchRow& branch_to(int32_t stop, int o) const {
    const BranchRow* branch = all_->branch + all_->stop[stop];
    while (branch->port != o) ++branch;
    return *branch;
  }

  // Calls visit(output) for each output that the packet at the front of a lane has taken.
  template <class Visit>
  void each_open(int64_t r, int p, int channel, const Visit& visit) {
    const int64_t lane = (router_[r].first_port + p) * channels_ + channel;
    int64_t count;
    const BranchRow* branch = branches(flits_[queue_[lane] + head_[lane]].stop, count);
    for (int64_t k = 0; k < count; ++k) {
      const int o = static_cast<int>(branch[k].port);
      if (next_channel_[cell_at(r, o, p) * channels_ + channel] >= 0) visit(o);
    }
  }

  // A packet's head stands at the front of a queue.
  void head_at_front(int64_t now, int64_t port, int channel) {
    const int64_t lane = port * channels_ + channel, r = home_[port];
    const int p = static_cast<int>(port - router_[r].first_port);
    int64_t count;
    const BranchRow* branch = branches(flits_[queue_[lane] + head_[lane]].stop, count);
    for (int64_t k = 0; k < count; ++k) {
      const int64_t at = cell_at(r, static_cast<int>(branch[k].port), p) * channels_ + channel;
      next_channel_[at] = -1;
      ahead_[at] = 0;
    }
    open_[lane] = static_cast<int32_t>(count);
    if (router_[r].routing_delay == 0) {
      wait_for_channel(r, p, channel);
      return;
    }
    routed_at_[lane] = now + (router_[r].routing_delay - 1) * router_[r].cycle;
    routing_[r].add(p);
    routing_channels_[port] |= uint64_t{1} << channel;
  }

  void wait_for_channel(int64_t r, int p, int channel) {
    const int64_t first = router_[r].first_port, lane = (first + p) * channels_ + channel;
    int64_t count;
    const BranchRow* branch = branches(flits_[queue_[lane] + head_[lane]].stop, count);
    for (int64_t k = 0; k < count; ++k) {
      const int o = static_cast<int>(branch[k].port);
      waiting_[cell_at(r, o, p)] |= uint64_t{1} << channel;
      waiting_from_[first + o].add(p);
      waiting_to_[r].add(o);
    }
  }

  // A lane that has an output channel has a flit for it: it asks for the switch if there is room.
  void offer(int64_t now, int64_t r, int o, int p, int channel) {
    const int64_t cell = cell_at(r, o, p), port = router_[r].first_port + o;
    const int64_t out = port * channels_ + next_channel_[cell * channels_ + channel];
    if (!credits_[out]) {
      starved_since_[out] = now;
      return;
    }
    ready_[cell] |= uint64_t{1} << channel;
    ready_from_[port].add(p);
    ready_to_[r].add(o);
  }

  void withdraw(int64_t r, int o, int p, int channel) {
    const int64_t cell = cell_at(r, o, p), port = router_[r].first_port + o;
    if ((ready_[cell] &= ~(uint64_t{1} << channel))) return;
    ready_from_[port].remove(p);
    if (!ready_from_[port].any()) ready_to_[r].remove(o);
  }

  // Finds the flits that cross the switch; returns when the next output is free, or -1.
  int64_t allocate_switch(int64_t now, int64_t r) {
    const int64_t first = router_[r].first_port, own = port_end(r) - first;
    int64_t wake = -1;
    PortSet<Words> granted;
    ready_to_[r].each([&](int o) {
      if (free_at_[first + o] > now) {
        if (wake < 0 || free_at_[first + o] < wake) wake = free_at_[first + o];
        return;
      }
      const int p = ready_from_[first + o].first(grant_[first + o]);
      int32_t away = o - accept_[first + p];  // from the input's pointer on
      if (away < 0) away += static_cast<int32_t>(own);
      Best& best = best_port_[p];
      if (best.away < 0) granted.add(p);
      if (best.away < 0 || away < best.away) best = {away, o};
    });
    granted.each([&](int p) {
      const int o = best_port_[p].choice;
      best_port_[p].away = -1;
      moves_.push_back({p, o, pick(ready_[cell_at(r, o, p)], turn_[first + p])});
    });
    return wake;
  }

  // Finds the lanes that are given an output channel.
  void allocate_channels(int64_t r) {
    const int64_t first = router_[r].first_port, own = port_end(r) - first;
    lanes_.clear();
    waiting_to_[r].each([&](int o) {
      for (uint64_t left = every_ & ~taken_[first + o]; left; left &= left - 1) {
        const int w = __builtin_ctzll(left);
        const int32_t lane = granted_lane(r, o, w);
        if (lane < 0) continue;
        const int32_t j = o * channels_ + w;
        int32_t away = j - channel_accept_[first * channels_ + lane];
        if (away < 0) away += static_cast<int32_t>(own * channels_);
        Best& best = best_lane_[lane];
        if (best.away < 0) lanes_.push_back(lane);
        if (best.away < 0 || away < best.away) best = {away, j};
      }
    });
  }

  // The lane to which output channel (o, w) is granted, or -1.
  int32_t granted_lane(int64_t r, int o, int w) const {
    const int64_t port = router_[r].first_port + o;
    const int from = channel_grant_[port * channels_ + w];
    const int first = from / channels_, shift = from % channels_;
    const PortSet<Words>& inputs = waiting_from_[port];
    // Lanes from the pointer on, then those of further inputs, then those before the pointer.
    if (const uint64_t own = asking(r, o, w, first) & (~uint64_t{0} << shift)) {
      return first * channels_ + __builtin_ctzll(own);
    }
    const int last = static_cast<int>(port_end(r) - router_[r].first_port);
    int p = first;
    for (int tries = 0; tries < last; ++tries) {
      p = inputs.first(p + 1 == last ? 0 : p + 1);
      if (p < 0) return -1;
      if (const uint64_t lanes = asking(r, o, w, p)) return p * channels_ + __builtin_ctzll(lanes);
      if (p == first) return -1;
    }
    return -1;
  }

  // Channels of input p that wait for output o and may take its channel w.
  uint64_t asking(int64_t r, int o, int w, int p) const {
    const uint64_t waiting = waiting_[cell_at(r, o, p)];
    if (!restricted_) return waiting;
    uint64_t may = 0;
    for (uint64_t left = waiting; left; left &= left - 1) {
      const int channel = __builtin_ctzll(left);
      const int64_t lane = (router_[r].first_port + p) * channels_ + channel;
      const BranchRow& branch = branch_to(flits_[queue_[lane] + head_[lane]].stop, o);
      if (static_cast<uint64_t>(branch.channels) >> w & 1) may |= uint64_t{1} << channel;
    }
    return may;
  }

  // Heads whose route is known by now wait for an output channel; whether there were heads.
  bool compute_routes(int64_t now, int64_t r) {
    if (!routing_[r].any()) return false;
    const int64_t first = router_[r].first_port;
    const PortSet<Words> routing = routing_[r];
    routing.each([&](int p) {
      for (uint64_t left = routing_channels_[first + p]; left; left &= left - 1) {
        const int channel = __builtin_ctzll(left);
        if (routed_at_[(first + p) * channels_ + channel] > now) continue;
        routing_channels_[first + p] &= ~(uint64_t{1} << channel);
        wait_for_channel(r, p, channel);
      }
      if (!routing_channels_[first + p]) routing_[r].remove(p);
    });
    return true;
  }

  void take_channel(int64_t now, int64_t r, int32_t lane) {
    const int64_t first = router_[r].first_port;
    Best& best = best_lane_[lane];
    const int32_t own = static_cast<int32_t>(port_end(r) - first) * channels_, j = best.choice;
    best.away = -1;
    const int o = j / channels_, w = j % channels_, p = lane / channels_, v = lane % channels_;
    const int64_t cell = cell_at(r, o, p);
    taken_[first + o] |= uint64_t{1} << w;
    holder_[first * channels_ + j] = lane;
    channel_grant_[first * channels_ + j] = lane + 1 == own ? 0 : lane + 1;
    channel_accept_[first * channels_ + lane] = j + 1 == own ? 0 : j + 1;
    next_channel_[cell * channels_ + v] = static_cast<int8_t>(w);
    if (!(waiting_[cell] &= ~(uint64_t{1} << v))) {
      waiting_from_[first + o].remove(p);
      if (!waiting_from_[first + o].any()) waiting_to_[r].remove(o);
    }
    offer(now, r, o, p, v);
  }

  void send(int64_t now, int64_t r, const Move& move, std::vector<Sent>& sent) {
    const int64_t first = router_[r].first_port, in = first + move.input;
    const int64_t out = first + move.output, lane = in * channels_ + move.channel;
    const int32_t own = static_cast<int32_t>(port_end(r) - first);
    const int64_t cell = cell_at(r, move.output, move.input) * channels_ + move.channel;
    grant_[out] = move.input + 1 == own ? 0 : move.input + 1;
    accept_[in] = move.output + 1 == own ? 0 : move.output + 1;
    turn_[in] = move.channel + 1 == channels_ ? 0 : move.channel + 1;
    const int32_t room = static_cast<int32_t>(row_[in].buffer);
    int32_t at = head_[lane] + ahead_[cell];
    if (at >= room) at -= room;
    const Flit flit = flits_[queue_[lane] + at];
    const int w = next_channel_[cell];
    const int64_t out_lane = out * channels_ + w;
    --credits_[out_lane];
    // Bandwidths that are no whole number of cycles hold on average.
    const int64_t on_time = now - free_at_[out] < router_[r].cycle ? free_at_[out] : now;
    free_at_[out] = on_time + row_[out].interval;
    PortCounts& counts = counts_[out];
    ++counts.flits;
    counts.waited += now - flit.came;
    const bool tail = flit.packet & kTail;
    const int32_t done = ++ahead_[cell];
    withdraw(r, move.output, move.input, move.channel);
    if (tail) {
      taken_[out] &= ~(uint64_t{1} << w);
      next_channel_[cell] = -1;
      --open_[lane];
    } else if (done < queued_[lane]) {
      offer(now, r, move.output, move.input, move.channel);
    }
    const int32_t next = branch_to(flit.stop, move.output).next;
    const bool freed = leave_front(r, move.input, move.channel);
    sent.push_back({out, w, {flit.packet, next, now}, freed ? in : -1, move.channel});
    if (tail && freed && !open_[lane] && queued_[lane]) head_at_front(now, in, move.channel);
  }

  // Takes the flit off the front of a lane if all copies of it are sent.
  bool leave_front(int64_t r, int p, int channel) {
    const int64_t lane = (router_[r].first_port + p) * channels_ + channel;
    int64_t count;
    const BranchRow* branch = branches(flits_[queue_[lane] + head_[lane]].stop, count);
    for (int64_t k = 0; k < count && count > 1; ++k) {
      if (!ahead_[cell_at(r, static_cast<int>(branch[k].port), p) * channels_ + channel]) {
        return false;
      }
    }
    for (int64_t k = 0; k < count; ++k) {
      --ahead_[cell_at(r, static_cast<int>(branch[k].port), p) * channels_ + channel];
    }
    --queued_[lane];
    if (++head_[lane] == row_[router_[r].first_port + p].buffer) head_[lane] = 0;
    return true;
  }

  struct Best {
    int32_t away = -1, choice = 0;
  };

  const Bursts* all_ = nullptr;
  const RouterRow* router_ = nullptr;
  const PortRow* row_ = nullptr;
  int channels_ = 0;
  bool restricted_ = false;  // whether packets may not take all channels of an output
  uint64_t every_ = 0;
  int64_t ports_ = 0, routers_ = 0;
  std::vector<int64_t> home_, cell_;
  std::vector<uint64_t> ready_, waiting_;        // [cells], channels that ask for the switch
  std::vector<int8_t> next_channel_;             // [cells, channels], output channel held, or -1
  std::vector<int32_t> ahead_;                   // [cells, channels], flits of the queue sent
  std::vector<PortSet<Words>> ready_from_, waiting_from_;  // [outputs], inputs that ask
  std::vector<PortSet<Words>> ready_to_, waiting_to_;      // [routers], outputs asked for
  std::vector<PortSet<Words>> routing_;                    // [routers], inputs with new heads
  std::vector<uint64_t> taken_, routing_channels_;
  std::vector<int64_t> free_at_;                 // [outputs], tick of the next flit at the earliest
  std::vector<int32_t> grant_, accept_, turn_;   // pointers of switch allocation
  std::vector<int32_t> credits_, holder_, channel_grant_, channel_accept_;
  std::vector<int32_t> head_, queued_;           // [lanes], of the queue
  std::vector<int32_t> open_;                    // [lanes], outputs that the front packet lacks
  std::vector<int64_t> routed_at_, starved_since_, queue_;
  std::vector<Flit> flits_;
  std::vector<Best> best_port_, best_lane_;
  std::vector<int32_t> lanes_;
  std::vector<Move> moves_;
  std::vector<PortCounts> counts_;
};

}  // namespace chipletsim
