// What packets and ports are to the timing model `queue`: one packet, port or lane in a line of the
// cache. Times are in parts of a tick.
#pragma once

#include <cstdint>
#include <vector>

#include "packet_timing.h"

namespace chipletsim {

// A packet, or a copy of it, on its way.
struct alignas(64) PacketCopy {
  int32_t packet;
  int32_t flits, kind;
  int32_t place;         // its stop; its branch at the front of its lane; -1 - delivery behind it
  int32_t lane = -1;     // where it stands, or the node that it comes to
  int32_t input = -1;    // port of that lane
  int32_t output = -1;   // port that it goes by next, at the front of its lane
  int32_t onward = -1;   // its place behind that
  int32_t granted = -1;  // lane behind its output in which it has room, or -1
  int64_t came = 0, tail_came = 0;  // when its head and its tail did
  int64_t asked = 0;     // when it began to wait for room
};

// Copies, one after the other.
struct CopyList {
  int32_t first = -1, last = -1;
};

// A virtual channel of an input.
struct alignas(32) PacketLane {
  CopyList queue;           // behind the front packet
  CopyList parked;          // copies that wait for room in it
  int64_t departed = 0;     // when the last packet has left
  int32_t held = 0;         // packets that have room in it
  int32_t copies = 0;       // of the front packet, still to go
};

// What changes of a port.
struct alignas(64) PacketPort {
  int64_t free = 0;       // as an output
  int64_t turn_free = 0;  // as an input
  int64_t busy = 0;       // ticks in which it sent
  int64_t flits = 0, waited = 0;  // sent, and ticks that they waited
  int32_t most_queued = 0;
  int32_t turn = 0;       // lane that the next packet takes, as an input
  int32_t first = 0;      // port of its router
  int32_t peer = 0;
  const PortTiming* timing = nullptr;
};

// A node, as it sends and as it receives.
struct PacketEnd {
  int64_t planned = -1;  // when it is attended to next, as far as is planned
  int64_t next = 0;      // when the source is free
  int32_t lane = -1;     // with room for the next packet
  int32_t waits = -1;    // lane that it waits for room in
  int32_t held = 0;      // packets that have come and are not taken
  CopyList parked;       // copies that wait for room
};

// A link that sends frames, or sleeps.
struct PacketLink {
  std::vector<int32_t> frame;  // copies in the frame that is being filled
  int64_t bits = 0, due = -1;  // of that frame; when it leaves
  int64_t filled = 0;          // when the last packet went into it
  int64_t free_at = 0;         // when the frame before has left
  int64_t used = 0;            // until when it was last in use
  int64_t most_bits = 0;       // of a flit of any kind
};

}  // namespace chipletsim
