// What the timing models `cycle` and `queue` are given: networks of routers, and bursts of packets.
//
// Time is in ticks. Every router has a clock of its own, whose cycle is a whole number of ticks.
#pragma once

#include <cstdint>
#include <vector>

namespace chipletsim {

struct RouterRow {
  int64_t first_port;     // in its network
  int64_t cycle;          // ticks
  int64_t routing_delay;  // cycles of route computation
};

struct PortRow {
  int64_t peer;      // port at the other end, -1 - node, or kNoPeer
  int64_t forward;   // ticks from sending a flit until the other end's clock may take it
  int64_t backward;  // ticks from taking a flit that came by this port until its credit is back
  int64_t buffer;    // flits that each virtual channel of the input holds
  // Of a link that sends frames: bits of flits in one, ticks of one on the wire, and ticks that
  // the first packet of a frame waits for others at most. No frames if the bits are 0.
  int64_t frame_bits, frame_ticks, frame_wait;
  // Of a link that sleeps after some ticks without a flit, and ticks to wake it; -1 if it never does.
  int64_t sleeps_after, wakes_in;
};
constexpr int64_t kNoPeer = INT64_MIN;

struct NodeRow {
  int64_t port;      // at its router
  int64_t buffer;    // flits that it holds of each virtual channel
  int64_t queue;     // packets made and not yet sent, at most; 0 for any number
  int64_t forward;   // ticks from sending a flit until its router's clock may take it
  int64_t backward;  // ticks from taking a flit until its router may use the room
  int64_t processors;  // 1: it makes packets and works on others by turns; 2: at once
};

// One output that packets of a flow take at a router.
struct BranchRow {
  int32_t port;  // of the router
  int32_t next;  // stop of the flow at the next router; -1 - number of the delivery at a node
};

struct FlowRow {
  int64_t source;    // node
  int64_t root;      // its first stop
  int64_t channels;  // virtual channels that its source may take, as bits
};

struct Network {
  const RouterRow* router;
  const PortRow* port;
  const NodeRow* node;
  const int64_t* interval;   // [ports, kinds], ticks from one flit to the next
  const int64_t* kind_bits;  // [ports, kinds], bits of a flit in a frame
  int64_t routers, ports, nodes;
  int64_t kinds;       // sizes of packets
  int64_t channels;    // virtual channels of a port
  int64_t quantum;     // ticks that every clock's cycle is a multiple of
  int64_t restricted;  // whether some branch may not take every virtual channel
  int64_t forks;       // whether some packet may be copied; else stops are branches
  int64_t first_port;  // in the results
};

struct PacketRow {
  int64_t source;      // node
  int64_t flow;        // -1 for work that ends in no packet
  int64_t flits;
  int64_t ready;       // tick before which it does not leave; of one that answers a delivery,
                       // ticks from the end of the work on that until it may be begun
  int64_t generation;  // ticks that its node needs to make it
  int64_t step;        // of the network, where nodes run free; else 0
};

struct Burst {
  int64_t network;
  int64_t steps;             // that nodes run through freely; 0 where a barrier ends each
  const int64_t* stop;       // first branch of each stop of a flow, and the end of the last
  const BranchRow* branch;
  const int64_t* channels;   // virtual channels that each branch may take, as bits
  const FlowRow* flow;
  const PacketRow* packet;   // [packets], sorted by source node, then as sent
  const int64_t* kind;       // size of each packet, by number; null if all are of one
  const int64_t* after;      // [packets], delivery to its node that each answers, or -1; or null
  const int64_t* delivery;   // [packets + 1], first delivery of each packet
  const int64_t* processing; // [deliveries], ticks that a node works on it
  const int64_t* expected;   // [steps, nodes], deliveries to each node
  int64_t* made;             // [packets], tick in which the node had made it
  int64_t* injected;         // [packets], tick in which the head left its node
  int64_t* arrived;          // [deliveries], tick in which the tail came
  int64_t* taken;            // [deliveries], tick in which the node began to work on it
  int64_t packets;

  int64_t kind_of(int64_t number) const { return kind ? kind[number] : 0; }
};

// Counts of a port's output, over all bursts of a call.
struct PortCounts {
  int64_t flits;
  int64_t waited;      // ticks that flits waited in input queues for this output
  int64_t starved;     // of these, those with no room at the other end
  int64_t most_queued; // flits in one virtual channel of the input, at most
  int64_t frames;
  int64_t asleep;      // ticks
  int64_t busy;        // ticks that flits, or frames, take on the wire
  int64_t framed_bits; // bits of flits in frames
};

// What worked longest in a burst, and how many ticks.
struct BusiestRow {
  int64_t port, port_ticks;
  int64_t node, node_ticks;
};

// A virtual channel of an input in which a packet waits for ever.
struct HeldLane {
  int64_t packet;   // at the front of its queue, -1 if it is empty
  int64_t output;   // port of the network that it needs
  int64_t channel;  // of that output, if it holds one; else -1
};

struct Bursts {
  std::vector<Network> network;
  std::vector<Burst> burst;
  int64_t ports;              // of all networks
  int64_t bins, bin_ticks;    // of `history`
  int64_t* undelivered;       // [bursts], 0 unless packets wait for one another forever; then how
                              // many packets and deliveries are left; -1 for a fault of this code
  BusiestRow* busiest;        // [bursts]
  HeldLane* held;             // [ports x channels], of the burst if it is one and ends stuck, or null
  PortCounts* counts;         // [ports of all networks]
  PortCounts* each;           // [bursts, ports of all networks], of one burst each, or null
  int64_t* history;           // [ports of all networks, bins], flits; what is later is in the last
};

}  // namespace chipletsim
