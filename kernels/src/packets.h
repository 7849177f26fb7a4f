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
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "calendar.h"
#include "nodes.h"
#include "ports.h"

namespace chipletsim {

class PacketBurst : public BurstRun {
 public:
  PacketBurst(const Bursts& all, const NetworkRow& network)
      : all_(all),
        network_(network),
        port_(all.port + network.port),
        node_(all.node + network.node),
        channels_(static_cast<int32_t>(network.channels)),
        every_(channels_ == 64 ? ~uint64_t{0} : (uint64_t{1} << channels_) - 1),
        kinds_(network.kinds),
        ports_(network.ports),
        lanes_(network.ports * channels_),
        held_(network.ports * channels_),
        ends_(network.nodes),
        links_(network.ports),
        rates_(network.ports * network.kinds) {
    nodes_.build(all, network, kParts);
    const RouterRow* router = all.router + network.router;
    for (int64_t r = 0; r < network.routers; ++r) {
      const int64_t end = r + 1 < network.routers ? router[r + 1].first_port : network.ports;
      for (int64_t g = router[r].first_port; g < end; ++g) {
        Port& port = ports_[g];
        port.first = static_cast<int32_t>(router[r].first_port);
        port.framed = port_[g].frame_bits > 0;
        port.sleeps = port_[g].sleeps_after >= 0;
        port.cycle = router[r].cycle * kParts;
        port.of_one = 2 * port.cycle / channels_;
        port.clock = {port.cycle};
        port.ready = (router[r].routing_delay + 1) * port.cycle;
        port.buffer = static_cast<int32_t>(port_[g].buffer);
        port.backward = port_[g].backward * kParts;
      }
    }
    for (int64_t g = 0; g < network.ports; ++g) {
      set_rates(g);
      links_[g].most_bits = most_bits(all, network, g);
    }
  }

  PortCounts& counts(int64_t port) override { return ports_[port].counts; }

  void run(int64_t burst, int64_t* history) override {
    history_ = history;
    begin(all_.burst[burst]);
    while (!calendar_.empty()) {
      calendar_.take(events_);
      for (size_t k = 0; k < events_.size(); ++k) {
        expect(k);
        const Event event = events_[k];
        if (event.what >= 0) advance(event.time, event.what);
        else if (event.what >= -network_.nodes) attend(event.time, -1 - event.what);
        else go_on_with_frames(event.time, -1 - network_.nodes - event.what);
      }
    }
    all_.undelivered[burst] = nodes_.left();
    BusiestRow& busiest = all_.busiest[burst];
    nodes_.busiest(busiest);
    busiest.port = busiest.port_ticks = 0;
    for (int64_t g = 0; g < network_.ports; ++g) {
      ports_[g].counts.busy += ports_[g].busy;
      if (port_[g].peer >= 0 && ports_[g].busy > busiest.port_ticks) {
        busiest.port = g;
        busiest.port_ticks = ports_[g].busy;
      }
    }
    for (int64_t g = 0; g < network_.ports; ++g) {
      if (port_[g].peer == kNoPeer || port_[g].sleeps_after < 0) continue;
      const int64_t idle = nodes_.last() - links_[g].used - port_[g].sleeps_after * kParts;
      ports_[g].counts.asleep += std::max<int64_t>(0, idle) / kParts;
    }
  }

 private:
  static constexpr int64_t kParts = 64;  // of a tick

  struct Event {
    int64_t time;
    // A copy; or -1 - node; or -1 - nodes - port, whose frame is due; or -1 - nodes - ports - copy,
    // which goes into a frame.
    int32_t what;
  };

  // A packet, or a copy of it, on its way.
  struct alignas(64) Copy {
    int32_t packet;
    int32_t flits, kind;
    int32_t place;    // its stop; its branch at the front of its lane; -1 - delivery behind it
    int32_t lane = -1;     // where it stands, or the node that it comes to
    int32_t input = -1;    // port of that lane, or output into whose frame it goes
    int32_t next = -1;     // in a list
    int32_t granted = -1;  // lane behind its output in which it has room, or -1
    int64_t came = 0, tail_came = 0;  // when its head and its tail did
    int64_t asked = 0;     // when it began to wait for room
  };

  struct List {
    int32_t first = -1, last = -1;
  };

  // Of a router.
  struct Clock {
    int64_t cycle = 1;

    // The next time that is a multiple of the cycle.
    int64_t after(int64_t time) const {
      const int64_t mask = cycle - 1;
      if (!(cycle & mask)) return (time + mask) & ~mask;
      return aligned(time, cycle);
    }
  };

  // A virtual channel of an input.
  struct alignas(32) Lane {
    List queue;             // behind the front packet
    List parked;            // copies that wait for room in it
    int64_t departed = 0;   // when the last packet has left
    int32_t copies = 0;     // of the front packet, still to go
    bool node_waits = false;
  };

  // What changes most stands together.
  struct alignas(64) Port {
    int64_t free = 0;       // as an output
    int64_t turn_free = 0;  // as an input
    int32_t first = 0, peer = 0, buffer = 0;
    int32_t turn = 0;       // lane that the next packet takes, as an input
    int64_t cycle = 0, ready = 0;
    int64_t busy = 0;       // ticks in which it sent
    bool framed = false, sleeps = false;
    int32_t room = 1;       // flits that a lane at the other end holds
    PortCounts counts{};
    Clock clock, peer_clock;
    int64_t forward = 0, backward = 0;
    int64_t of_one = 0;     // time that a packet of one flit takes of the lanes of the output
    int64_t loop = 0;       // from sending a flit that goes on at once until its credit is back
    int64_t first_loop = 0; // likewise for a head

    // When the last flit of a packet alone goes after the first, if they go so far apart: those
    // that do not fit into the lane wait for the credits of others.
    int64_t last_flit(int64_t flits, int64_t apart) const {
      const int64_t rounds = (flits - 1) / room, rest = (flits - 1) % room;
      const int64_t credits = rounds ? first_loop + (rounds - 1) * loop + rest * apart : 0;
      return std::max((flits - 1) * apart, credits);
    }
  };

  // Times from flit to flit of an output, for a kind of packets.
  struct Rate {
    int64_t interval;  // on the link
    int64_t per_flit;  // likewise, or as credits allow
  };

  // A node, as it sends and as it receives.
  struct End {
    int64_t planned = -1;  // when it is attended to next, as far as is planned
    int64_t next = 0;   // when the source is free
    int32_t lane = -1;  // with room for the next packet
    bool waits = false; // for that room
    int32_t held = 0;   // packets that have come and are not taken
    List parked;        // copies that wait for room
  };

  // A link that sends frames, or sleeps.
  struct Link {
    std::vector<int32_t> frame;  // copies in the frame that is being filled
    int64_t bits = 0, due = -1;  // of that frame; when it leaves
    int64_t filled = 0;          // when the last packet went into it
    int64_t free_at = 0;         // when the frame before has left
    int64_t used = 0;            // until when it was last in use
    int64_t most_bits = 0;       // of a flit of any kind
  };

  void set_rates(int64_t g) {
    Port& port = ports_[g];
    const PortRow& row = port_[g];
    if (row.peer == kNoPeer) return;
    port.peer = static_cast<int32_t>(row.peer);
    port.peer_clock = ports_[row.peer < 0 ? g : row.peer].clock;
    port.forward = row.forward * kParts;
    const NodeRow* node = row.peer < 0 ? node_ - 1 - row.peer : nullptr;
    port.room = static_cast<int32_t>(node ? node->buffer : port_[row.peer].buffer);
    const int64_t on_wire = row.frame_bits ? row.frame_ticks * kParts : 0;
    port.loop = on_wire + port.forward + port.peer_clock.cycle +
                (node ? node->backward * kParts : ports_[row.peer].backward);
    port.first_loop = port.loop + (node ? 0 : ports_[row.peer].ready);
    const int64_t* interval = all_.interval + network_.interval + g * kinds_;
    for (int64_t kind = 0; kind < kinds_; ++kind) {
      Rate& rate = rates_[g * kinds_ + kind];
      rate.interval = rate.per_flit = interval[kind] * kParts;
      if (row.peer < 0) continue;
      // All lanes together send what they hold in the time until a credit is back.
      rate.per_flit = std::max(rate.per_flit, port.first_loop / (channels_ * port.room));
    }
  }

  void begin(const BurstRow& row) {
    row_ = row;
    calendar_.begin(network_.quantum);
    nodes_.begin(row);
    copies_.clear();
    unused_.clear();
    for (Port& port : ports_) {
      port.free = port.turn_free = port.busy = 0;
      port.turn = 0;
    }
    for (Lane& lane : lanes_) lane = {};
    std::fill(held_.begin(), held_.end(), 0);
    for (End& end : ends_) end = {};
    for (Link& link : links_) {
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

  // Fetches what events that come soon will need: it lies far apart.
  void expect(size_t k) const {
    constexpr size_t kCopy = 16, kStop = 12, kPort = 8, kPeer = 4;
    if (k + kCopy < events_.size() && events_[k + kCopy].what >= 0) {
      __builtin_prefetch(&copies_[events_[k + kCopy].what]);
    }
    if (k + kStop < events_.size() && events_[k + kStop].what >= 0) {
      const Copy& copy = copies_[events_[k + kStop].what];
      if (copy.place >= 0) {
        __builtin_prefetch(&all_.branch[copy.place].port);
        __builtin_prefetch(&all_.branch[copy.place].channels);
        __builtin_prefetch(&ports_[copy.input]);
        __builtin_prefetch(&lanes_[copy.lane]);
      }
    }
    if (k + kPort < events_.size() && events_[k + kPort].what >= 0) {
      const Copy& copy = copies_[events_[k + kPort].what];
      if (copy.place >= 0) {
        const int64_t g = ports_[copy.input].first + all_.branch[copy.place].port;
        expect_port(g);
        __builtin_prefetch(&rates_[g * kinds_]);
        if (lanes_[copy.lane].queue.first >= 0) {
          __builtin_prefetch(&copies_[lanes_[copy.lane].queue.first]);
        }
      }
    }
    if (k + kPeer < events_.size() && events_[k + kPeer].what >= 0) {
      const Copy& copy = copies_[events_[k + kPeer].what];
      if (copy.place < 0) return;
      const int64_t peer = ports_[ports_[copy.input].first + all_.branch[copy.place].port].peer;
      if (peer < 0) return;
      expect_port(peer);
      __builtin_prefetch(&held_[peer * channels_]);
      for (int64_t lane = peer * channels_; lane < (peer + 1) * channels_; lane += 2) {
        __builtin_prefetch(&lanes_[lane]);
      }
    }
  }

  void expect_port(int64_t g) const {
    const char* port = reinterpret_cast<const char*>(&ports_[g]);
    for (size_t at = 0; at < sizeof(Port); at += 64) __builtin_prefetch(port + at);
  }

  int32_t fits(const Port& port, int64_t flits) const {
    return flits == 1 ? port.buffer : std::max<int32_t>(1, port.buffer / static_cast<int32_t>(flits));
  }

  // The next lane of an input in turn that has room, else the next in turn.
  int32_t choose_lane(int64_t g, uint64_t may, int32_t room) {
    Port& port = ports_[g];
    may &= every_;
    const uint64_t above = ~uint64_t{0} << port.turn;
    int32_t chosen = -1;
    for (const uint64_t part : {may & above, may & ~above}) {
      for (uint64_t left = part; left && chosen < 0; left &= left - 1) {
        const int32_t v = __builtin_ctzll(left);
        if (held_[g * channels_ + v] < room) chosen = v;
      }
    }
    if (chosen < 0) chosen = pick(may, port.turn);
    port.turn = chosen + 1 == channels_ ? 0 : chosen + 1;
    return static_cast<int32_t>(g) * channels_ + chosen;
  }

  // Takes room in a lane of a port in which one packet more has room; false if it has none.
  bool hold(Port& port, int32_t lane, int32_t room, int64_t flits) {
    int32_t& held = held_[lane];
    if (held >= room) return false;
    ++held;
    const int64_t queued = std::min<int64_t>(held * flits, port.buffer);
    if (queued > port.counts.most_queued) port.counts.most_queued = queued;
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

  void append(List& list, int32_t at) {
    copies_[at].next = -1;
    if (list.last < 0) list.first = at;
    else copies_[list.last].next = at;
    list.last = at;
  }

  int32_t pop(List& list) {
    const int32_t first = list.first;
    if (first < 0) return -1;
    list.first = copies_[first].next;
    if (list.first < 0) list.last = -1;
    return first;
  }

  // When what an output sends on the wire may be used at the other end.
  static int64_t arrival(const Port& output, int64_t time) {
    return output.peer_clock.after(time + output.forward) + output.peer_clock.cycle;
  }

  // A packet comes into a lane in which it has room, its tail after its head.
  void enter(int32_t at, int64_t input, int32_t lane_at, int64_t time, int64_t tail) {
    Lane& lane = lanes_[lane_at];
    Copy& copy = copies_[at];
    copy.input = static_cast<int32_t>(input);
    copy.lane = lane_at;
    copy.came = time;
    copy.tail_came = tail;
    if (lane.copies) append(lane.queue, at);
    else stand_in_front(at, lane, std::max(time, lane.departed));
  }

  void stand_in_front(int32_t at, Lane& lane, int64_t time) {
    const int64_t ready = time + ports_[copies_[at].input].ready;
    if (!network_.forks) {  // a stop has one branch, and its number
      lane.copies = 1;
      push(ready, at);
      return;
    }
    const int64_t begin = all_.stop[copies_[at].place], end = all_.stop[copies_[at].place + 1];
    lane.copies = static_cast<int32_t>(end - begin);
    for (int64_t branch = begin; branch < end; ++branch) {
      const int32_t each = branch + 1 < end ? new_copy(copies_[at]) : at;
      copies_[each].place = static_cast<int32_t>(branch);
      push(ready, each);
    }
  }

  void advance(int64_t now, int32_t at) {
    const Copy copy = copies_[at];
    if (copy.place < 0) {
      nodes_.deliver(now, copy.lane, copy.packet, -1 - copy.place, 0);
      unused_.push_back(at);
      attend(now, copy.lane);
      return;
    }
    const int64_t flits = copy.flits;
    const BranchRow& branch = all_.branch[copy.place];
    Port& input = ports_[copy.input];
    const int64_t g = input.first + branch.port;
    Port& output = ports_[g];
    int32_t next = copy.granted;
    if (next < 0 && !find_room(now, at, output, branch, flits, next)) return;
    int64_t start = std::max(now, std::max(output.free, input.turn_free));
    int64_t leaves = output.clock.after(start);
    const bool framed = output.framed;
    if (output.sleeps && !framed) {
      const int64_t awake = woken(leaves, g);
      if (awake > leaves) start = leaves = awake;
    }
    const auto [interval, per_flit] = rates_[g * kinds_ + copy.kind];
    output.free = start + (framed ? output.cycle * flits
                                  : std::max(per_flit * flits, of_lanes(output, flits)));
    input.turn_free = start + output.cycle * flits;
    output.counts.flits += flits;
    if (!framed) {
      output.busy += interval / kParts * flits;
      if (output.sleeps) links_[g].used = std::max(links_[g].used, start + interval * flits);
    }
    output.counts.waited += (start - copy.came) / kParts * flits;
    if (history_) {
      history_[g * all_.bins + std::min(start / kParts / all_.bin_ticks, all_.bins - 1)] += flits;
    }
    int64_t tail = start;
    if (flits > 1) {
      const int64_t apart = framed ? output.cycle : std::max(interval, output.cycle);
      tail = std::max(start + output.last_flit(flits, apart), copy.tail_came);
    }
    copies_[at].place = static_cast<int32_t>(branch.next);
    copies_[at].granted = -1;
    if (output.peer < 0) {
      copies_[at].lane = -1 - output.peer;
    }
    if (framed) {
      copies_[at].granted = next;
      copies_[at].input = static_cast<int32_t>(g);
      if (flits == 1) {
        fill(leaves, at);
      } else {
        const int64_t whole = std::max(leaves, output.clock.after(tail - before_last(g, copy)));
        push(whole, -1 - network_.nodes - network_.ports - at);
      }
    } else {
      arrive(at, output, next, leaves,
             flits == 1 ? leaves : std::max(leaves, output.clock.after(tail)));
    }
    leave(input, copy.lane, start, tail);
  }

  // Time that a packet takes of the lanes of a port, which send a flit each in turn and skip one.
  int64_t of_lanes(const Port& port, int64_t flits) const {
    return flits == 1 ? port.of_one : port.cycle * (flits + 1) / channels_;
  }

  // The head and the tail of a packet go on the wire to where it has room.
  void arrive(int32_t at, const Port& output, int32_t lane, int64_t head, int64_t tail) {
    if (output.peer < 0) push(arrival(output, tail), at);
    else enter(at, output.peer, lane, arrival(output, head), arrival(output, tail));
  }

  // Takes room behind an output for a copy, or leaves it waiting for that.
  bool find_room(int64_t now, int32_t at, const Port& output, const BranchRow& branch,
                 int64_t flits, int32_t& next) {
    List* parked;
    if (output.peer < 0) {
      End& end = ends_[-1 - output.peer];
      next = 0;
      if (end.held < node_[-1 - output.peer].buffer * channels_) {
        ++end.held;
        return true;
      }
      parked = &end.parked;
    } else {
      const int32_t room = fits(ports_[output.peer], flits);
      next = choose_lane(output.peer, static_cast<uint64_t>(branch.channels), room);
      if (hold(ports_[output.peer], next, room, flits)) return true;
      parked = &lanes_[next].parked;
    }
    copies_[at].asked = now;
    append(*parked, at);
    return false;
  }

  // The first copy of a list has room, from a time on; false if none waits.
  bool grant(List& parked, int32_t lane, int64_t time) {
    const int32_t first = pop(parked);
    if (first < 0) return false;
    Copy& copy = copies_[first];
    copy.granted = lane;
    time = std::max(time, copy.asked);
    ports_[ports_[copy.input].first + all_.branch[copy.place].port].counts.starved +=
        (time - copy.asked) / kParts;
    push(time, first);
    return true;
  }

  // A copy leaves the front of its lane, and its last flit at `end`.
  void leave(const Port& input, int32_t lane_at, int64_t start, int64_t end) {
    Lane& lane = lanes_[lane_at];
    lane.departed = std::max(lane.departed, end + input.cycle);
    if (--lane.copies) return;
    const int64_t time = start + input.backward + input.cycle;
    if (lane.node_waits) {
      lane.node_waits = false;
      End& source = ends_[-1 - input.peer];
      source.lane = lane_at;
      source.waits = false;
      wake(std::max(time, source.next), -1 - input.peer);
    } else if (!grant(lane.parked, lane_at, time)) {
      --held_[lane_at];
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
  int64_t before_last(int64_t g, const Copy& copy) const {
    const int64_t bits = copy.flits * all_.kind_bits[network_.interval + g * kinds_ + copy.kind];
    return (frames_of(bits, port_[g].frame_bits) - 1) * port_[g].frame_ticks * kParts;
  }

  // A packet goes into the frame that a link is to send next, whole: so its tail has to be there.
  // One that is too long for what is left of the frame makes it several.
  void fill(int64_t now, int32_t at) {
    const int64_t g = copies_[at].input;
    const PortRow& row = port_[g];
    const int64_t flits = copies_[at].flits, kind = copies_[at].kind;
    Link& link = links_[g];
    if (!link.frame.empty() && link.due <= now) close(g);
    if (link.frame.empty()) {
      depart(std::max(now + row.frame_wait * kParts, link.free_at), g);
      link.filled = now;
    }
    link.frame.push_back(at);
    link.filled = std::max(link.filled, now);
    link.bits += flits * all_.kind_bits[network_.interval + g * kinds_ + kind];
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
    Link& link = links_[g];
    const int64_t starts = row.sleeps_after < 0 ? link.due : woken(link.due, g);
    const int64_t frames = frames_of(link.bits, row.frame_bits);
    link.free_at = link.used = starts + frames * row.frame_ticks * kParts;
    ports_[g].counts.frames += frames;
    ports_[g].counts.framed_bits += link.bits;
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
    ports_[g].counts.asleep += asleep / kParts;
    return time + port_[g].wakes_in * kParts;
  }

  void attend(int64_t now, int32_t where) {
    End& node = ends_[where];
    if (node.planned <= now) node.planned = -1;
    const int64_t next = nodes_.work(now, where, [&](int64_t taken, int32_t) {
      if (!grant(node.parked, 0, taken + node_[where].backward * kParts)) --node.held;
    });
    if (next >= 0) plan(next, where);
    if (node.waits) return;
    int64_t when = node.next;
    if (node.next <= now) {
      const PacketRow* packet = nodes_.front(now, where, when);
      if (packet) {
        send(now, where, node, *packet);
        when = node.waits ? -1 : node.next;
      }
    }
    if (when >= 0 && nodes_.has_packets(where)) plan(when, where);
  }

  // Sees to it that a node is attended to at a time; one time before that is enough.
  void plan(int64_t time, int32_t where) {
    End& node = ends_[where];
    if (node.planned >= 0 && node.planned <= time) return;
    node.planned = time;
    wake(time, where);
  }

  void send(int64_t now, int32_t where, End& source, const PacketRow& packet) {
    const FlowRow& flow = all_.flow[packet.flow];
    const int64_t g = node_[where].port;
    Port& port = ports_[g];
    if (source.lane < 0) {
      const int32_t room = fits(port, packet.flits);
      const int32_t lane = choose_lane(g, static_cast<uint64_t>(flow.channels), room);
      if (!hold(port, lane, room, packet.flits)) {
        lanes_[lane].node_waits = source.waits = true;
        return;
      }
      source.lane = lane;
    }
    const int64_t forward = node_[where].forward * kParts;
    Port entry;  // as an output with the lanes of the port behind it
    entry.loop = forward + port.cycle + port.backward;
    entry.first_loop = entry.loop + port.ready;
    entry.room = port.buffer;
    const int64_t per_flit = std::max(port.cycle, entry.first_loop / (channels_ * port.buffer));
    const int64_t lag = entry.last_flit(packet.flits, port.cycle);
    const int64_t leaves = port.clock.after(now);
    nodes_.inject(leaves, where);
    const int32_t copy = new_copy({static_cast<int32_t>(nodes_.number(where)),
                                   static_cast<int32_t>(packet.flits),
                                   static_cast<int32_t>(packet.kind),
                                   static_cast<int32_t>(flow.root)});
    const int64_t comes = port.clock.after(leaves + forward) + port.cycle;
    enter(copy, g, source.lane, comes, comes + lag);
    source.lane = -1;
    source.next = now + std::max(std::max(per_flit * packet.flits, lag + port.cycle),
                                 of_lanes(port, packet.flits));
    nodes_.sent(where, leaves + lag);
  }

  const Bursts& all_;
  const NetworkRow network_;
  const PortRow* port_;
  const NodeRow* node_;
  const int32_t channels_;
  const uint64_t every_;
  const int64_t kinds_;
  BurstRow row_{};
  Nodes nodes_;
  std::vector<Port> ports_;
  std::vector<Lane> lanes_;
  std::vector<int32_t> held_;      // [lanes], packets that have room
  std::vector<End> ends_;          // [nodes]
  std::vector<Link> links_;        // [ports]
  std::vector<Rate> rates_;        // [ports, kinds]
  std::vector<Copy> copies_;
  std::vector<int32_t> unused_, closed_;
  Calendar<Event> calendar_;
  std::vector<Event> events_;
  int64_t* history_ = nullptr;
};

inline std::unique_ptr<BurstRun> packet_burst(const Bursts& all, const NetworkRow& network) {
  return std::make_unique<PacketBurst>(all, network);
}

}  // namespace chipletsim
