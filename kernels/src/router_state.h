// What stands in input-queued routers with virtual channels and credits.
#pragma once

#include <cstdint>

#include "burst.h"
#include "ports.h"

namespace chipletsim {

struct Flit {
  uint32_t packet;  // the top bit marks a tail
  int32_t stop;     // where it is on its flow
  int64_t came;     // tick
};
constexpr uint32_t kTail = uint32_t{1} << 31;

// A flit that a router sent.
struct SentFlit {
  int64_t output;  // port of the network
  Flit flit;       // with its next stop
  int64_t input;   // port whose room it leaves, -1 while copies of it are still to be sent
  int32_t output_channel, input_channel;
};

// Lanes of an input that ask for an output.
struct RouterCell {
  uint64_t ready = 0;    // with a flit, and room for it
  uint64_t waiting = 0;  // for a lane of the output
};

// A virtual channel of a port.
struct alignas(64) RouterLane {
  // Of the input: its queue, the outputs that its front packet still lacks, and, without forks,
  // the one it takes, the lane of that which it holds, and its stop behind it.
  Flit* queue = nullptr;
  int32_t head = 0, queued = 0, open = 0;
  int16_t output = 0, next_channel = -1;
  int32_t next = 0;
  int16_t accept_output = 0, accept_channel = 0;
  int64_t routed_at = 0;
  // Of the output.
  int16_t holder_input = 0, holder_channel = 0, grant_input = 0, grant_channel = 0;
  int32_t credits = 0;
  int64_t starved_since = -1;

  void reset(int32_t room) {
    head = queued = open = accept_output = accept_channel = grant_input = grant_channel = 0;
    next_channel = -1;
    credits = room;
    starved_since = -1;
  }
};

template <int Words>
struct alignas(64) RouterPort {
  PortSet<Words> ready_from, waiting_from;  // as an output: inputs that ask
  uint64_t taken = 0;                       // lanes of the output that are held
  uint64_t routing = 0;                     // lanes of the input whose head is new
  int64_t free_at = 0;                      // tick of its next flit at the earliest
  int64_t busy = 0;                         // ticks in which it sent
  int64_t flits = 0, waited = 0;            // as `PortCounts`
  int32_t grant = 0, accept = 0, turn = 0;  // pointers of switch allocation
  int32_t most_queued = 0;                  // as `PortCounts`
  int64_t interval = 0;                     // ticks from flit to flit, of the first kind
  int32_t buffer = 0, router = 0;

  void reset() {
    ready_from = waiting_from = {};
    taken = routing = 0;
    free_at = busy = flits = waited = 0;
    grant = accept = turn = most_queued = 0;
  }
};

template <int Words>
struct RouterState {
  int64_t first, cells, cycle, routing_delay;
  RouterPort<Words>* port;  // its own
  RouterLane* lane;
  RouterCell* cell;
  int32_t own;              // ports
  PortSet<Words> ready_to, waiting_to, routing;  // outputs asked for; inputs with new heads
};

// What a packet at the front of a lane sends by one output: a copy, or one after the other.
struct RouterCopy {
  int32_t channel;  // of the output that it holds, or -1
  int32_t ahead;    // flits of the queue that the present copy has sent
  int64_t branch;   // of the present copy
  bool last;        // whether no copy follows
};

// A flit that is to cross the switch.
struct SwitchMove {
  int32_t input, output, channel;
};

// A lane of an output that is given to one of an input.
struct ChannelGrant {
  int32_t input, channel, output, output_channel, away;
};

// The output nearest to the pointer of an input, of those that grant.
struct SwitchOffer {
  int32_t away = -1, output = 0;
};

}  // namespace chipletsim
