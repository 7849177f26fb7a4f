// Sets of ports and of virtual channels, and how allocators choose from them.
#pragma once

#include <cstdint>

namespace chipletsim {

// The least member of `set` that is not below `from`, else the least; the set is not empty.
inline int pick(uint64_t set, int from) {
  const uint64_t above = set & (~uint64_t{0} << from);
  return __builtin_ctzll(above ? above : set);
}

// A set of the ports of a router, of up to 64 x Words of them.
template <int Words>
struct PortSet {
  uint64_t words[Words] = {};

  void add(int port) { words[port / 64] |= uint64_t{1} << (port % 64); }
  void remove(int port) { words[port / 64] &= ~(uint64_t{1} << (port % 64)); }

  // Removes a port if it is gone, without a branch: nobody can foretell whether it is.
  void remove_if(bool gone, int port) { words[port / 64] &= ~(uint64_t{gone} << (port % 64)); }

  bool any() const {
    uint64_t all = 0;
    for (const uint64_t word : words) all |= word;
    return all != 0;
  }

  // The least member that is not below `from`, else the least; -1 if there is none.
  int first(int from) const {
    if (Words == 1) return words[0] ? pick(words[0], from) : -1;
    const int begin = from / 64;
    if (const uint64_t above = words[begin] & (~uint64_t{0} << (from % 64))) {
      return begin * 64 + __builtin_ctzll(above);
    }
    for (int step = 1; step <= Words; ++step) {
      const int at = (begin + step) % Words;
      if (words[at]) return at * 64 + __builtin_ctzll(words[at]);
    }
    return -1;
  }

  // Its member if there is one alone, else -1.
  int only() const {
    int found = -1;
    for (int at = 0; at < Words; ++at) {
      if (!words[at]) continue;
      if (found >= 0 || (words[at] & (words[at] - 1))) return -1;
      found = at * 64 + __builtin_ctzll(words[at]);
    }
    return found;
  }

  // Calls visit(port) for each member in order. Members may be removed by it.
  template <class Visit>
  void each(const Visit& visit) const {
    for (int at = 0; at < Words; ++at) {
      for (uint64_t left = words[at]; left; left &= left - 1) {
        visit(at * 64 + __builtin_ctzll(left));
      }
    }
  }
};

}  // namespace chipletsim
