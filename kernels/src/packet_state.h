// What packets, lanes and ports are to the timing model `queue`: one packet, lane or port in a line
// of the cache. Times are in parts of a tick.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "packet_timing.h"

namespace chipletsim {

// A packet, or a copy of it, on its way.
struct alignas(64) PacketCopy {
  int32_t packet;
  int32_t flits, kind;
  int32_t place;         // its stop, or its branch once that is known; -1 - delivery behind it
  int32_t lane = -1;     // where it stands
  int32_t input = -1;    // output in front of that lane
  int32_t output = -1;   // port that it goes by next, by its branch; or -1 - node that it comes to
  int32_t onward = -1;   // its place behind that
  int32_t granted = -1;  // lane behind its output in which it has room, or -1
  int32_t next = -1;     // in a list
  int64_t came = 0, tail_came = 0;  // when its head and its tail did
  int64_t asked = 0;     // when it began to wait for room
};

// Copies, one after the other.
struct CopyList {
  int32_t first = -1;  // -1 if there are none
  int32_t last = 0;    // if there are some
};

// All copies that are on their way. What was dropped last is made again first: that is near.
class PacketCopies {
 public:
  PacketCopy& operator[](int64_t at) { return copies_[at]; }
  const PacketCopy& operator[](int64_t at) const { return copies_[at]; }

  // Forgets all. Most bursts have no more copies at once than packets: room for these is taken
  // ahead, as moving all that are there is slow. What is not used of it is no memory yet.
  void begin(int64_t packets) {
    copies_.clear();
    copies_.reserve(std::min(packets, kMostAhead));
    unused_.clear();
  }

  int32_t make(const PacketCopy& copy) {
    if (unused_.empty()) {
      copies_.push_back(copy);
      return static_cast<int32_t>(copies_.size()) - 1;
    }
    const int32_t at = unused_.back();
    unused_.pop_back();
    copies_[at] = copy;
    return at;
  }

  void drop(int32_t at) { unused_.push_back(at); }

  void append(CopyList& list, int32_t at) {
    copies_[at].next = -1;
    // Chosen without a branch, of which half would be guessed wrong.
    int32_t* before = &copies_[list.last].next;
    before = list.first < 0 ? &list.first : before;
    *before = at;
    list.last = at;
  }

  // Takes the first of a list that has one.
  int32_t pop(CopyList& list) {
    const int32_t first = list.first;
    list.first = copies_[first].next;
    return first;
  }

 private:
  static constexpr int64_t kMostAhead = 1 << 20;  // 64 MiB

  std::vector<PacketCopy> copies_;
  std::vector<int32_t> unused_;
};

// A virtual channel of an input. Lanes stand by the output in front of them.
struct alignas(32) PacketLane {
  CopyList queue;           // behind the front packet
  CopyList parked;          // copies that wait for room in it
  int64_t departed = 0;     // when the last packet has left
  int32_t held = 0;         // packets that have room in it
  int32_t copies = 0;       // of the front packet, still to go
};

// What changes of an output, and of the input behind it, see `lanes_behind`.
struct alignas(64) PacketPort {
  int64_t free = 0;
  int64_t busy = 0;               // ticks in which it sent
  int64_t flits = 0, waited = 0;  // sent, and ticks that they waited
  int64_t turn_free = 0;          // of the input
  int32_t most_queued = 0;        // in a lane
  int32_t turn = 0;               // lane that the next packet takes
  int32_t first = 0;              // port of the router of the input
  int32_t peer = 0;               // -1 - node, if one is there
  const PortTiming* timing = nullptr;
};

// A node, as it sends and as it receives.
struct alignas(64) PacketEnd {
  int64_t planned = -1;  // when it is attended to next, as far as is planned
  int64_t next = 0;      // when the source is free
  int32_t lane = -1;     // with room for the next packet
  int32_t waits = -1;    // lane that it waits for room in
  int32_t held = 0;      // packets that have come and are not taken
  CopyList parked;       // copies that wait for room
  int32_t port = 0;      // at its router
  int32_t root = 0;      // first stop of the packet that it sends next, as far as is known
};

}  // namespace chipletsim
