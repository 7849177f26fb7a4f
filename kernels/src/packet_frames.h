// Links that send frames, or sleep, to the timing model `queue`. Times are in parts of a tick.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "burst.h"
#include "burst_run.h"
#include "packet_timing.h"

namespace chipletsim {

// A packet goes into the frame that a link is to send next, whole. One that is too long for what is
// left of it makes it several frames.
class PacketFrames {
 public:
  // Counts of ports are added to totals, [ports].
  PacketFrames(const Network& network, std::vector<PortCounts>& totals)
      : network_(network), totals_(totals), links_(network.ports) {
    for (int64_t g = 0; g < network.ports; ++g) links_[g].most_bits = most_bits(network, g);
  }

  void begin() {
    for (Link& link : links_) {
      link.frame.clear();
      link.bits = link.free_at = link.used = link.busy = 0;
      link.due = -1;
    }
  }

  // Ticks in which a link sent frames.
  int64_t busy(int64_t g) const { return links_[g].busy; }

  // When the frame that is being filled leaves, -1 if none is.
  int64_t due(int64_t g) const { return links_[g].due; }

  // A copy, whose tail is there, goes into the frame of a link; true if it is the first in it.
  bool add(int64_t now, int64_t g, int32_t at, int64_t bits) {
    Link& link = links_[g];
    const bool first = link.frame.empty();
    if (first) {
      link.due = std::max(now + network_.port[g].frame_wait * kParts, link.free_at);
      link.filled = now;
    }
    link.frame.push_back(at);
    link.filled = std::max(link.filled, now);
    link.bits += bits;
    return first;
  }

  // Whether a packet of some flits might not go into the frame any more. It then leaves at once.
  bool is_full(int64_t g, int64_t flits) {
    Link& link = links_[g];
    if (link.bits + flits * link.most_bits <= network_.port[g].frame_bits) return false;
    link.due = std::min(link.due, std::max(link.filled, link.free_at));
    return true;
  }

  // Sends the frame that is due. Returns when it has left, and moves the copies in it into `sent`.
  int64_t close(int64_t g, std::vector<int32_t>& sent) {
    const PortRow& row = network_.port[g];
    Link& link = links_[g];
    const int64_t starts = row.sleeps_after < 0 ? link.due : woken(link.due, g);
    const int64_t frames = frames_of(link.bits, row.frame_bits);
    link.free_at = link.used = starts + frames * row.frame_ticks * kParts;
    link.busy += frames * row.frame_ticks;
    totals_[g].frames += frames;
    totals_[g].framed_bits += link.bits;
    sent.clear();
    sent.swap(link.frame);
    link.bits = 0;
    link.due = -1;
    return link.free_at;
  }

  // A link without frames is in use until some time.
  void use(int64_t g, int64_t until) { links_[g].used = std::max(links_[g].used, until); }

  // When a link that may sleep takes what is sent: it has to be woken first.
  int64_t woken(int64_t time, int64_t g) {
    const int64_t asleep = time - links_[g].used - network_.port[g].sleeps_after * kParts;
    if (asleep <= 0) return time;
    totals_[g].asleep += asleep / kParts;
    return time + network_.port[g].wakes_in * kParts;
  }

  // Counts how long links sleep until the end of a burst.
  void end(int64_t last) {
    for (int64_t g = 0; g < network_.ports; ++g) {
      const PortRow& row = network_.port[g];
      if (row.peer == kNoPeer || row.sleeps_after < 0) continue;
      const int64_t idle = last - links_[g].used - row.sleeps_after * kParts;
      totals_[g].asleep += std::max<int64_t>(0, idle) / kParts;
    }
  }

 private:
  struct Link {
    std::vector<int32_t> frame;  // copies in the frame that is being filled
    int64_t bits = 0, due = -1;  // of that frame; when it leaves
    int64_t filled = 0;          // when the last packet went into it
    int64_t free_at = 0;         // when the frame before has left
    int64_t used = 0;            // until when it was last in use
    int64_t busy = 0;            // ticks of frames on the wire
    int64_t most_bits = 0;       // of a flit of any kind
  };

  const Network& network_;
  std::vector<PortCounts>& totals_;
  std::vector<Link> links_;  // [ports]
};

}  // namespace chipletsim
