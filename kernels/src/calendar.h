// Events in the order of time: a ring of slots for what is near, a heap for what is far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace chipletsim {

// Holds items of type Item by times that are multiples of a quantum. Items of one time come out in
// the order in which they went in.
template <class Item>
class Calendar {
 public:
  void begin(int64_t quantum) {
    quantum_ = quantum;
    shift_ = quantum & (quantum - 1) ? -1 : __builtin_ctzll(quantum);
    now_ = 0;
    size_ = 0;
  }

  bool empty() const { return size_ == 0; }

  void add(int64_t time, const Item& item) {
    const int64_t slot = slot_of(time);
    ++size_;
    if (slot - now_ < kSlots) {
      put(slot, item);
    } else {
      far_.push_back({slot, order_++, item});
      std::push_heap(far_.begin(), far_.end(), later);
    }
  }

  // Whether more has come for the time whose items were taken last.
  bool has_more() const {
    const int64_t slot = now_ & (kSlots - 1);
    return occupied_[slot / 64] >> (slot % 64) & 1;
  }

  // Moves the next items into `items`, and returns their time.
  int64_t take(std::vector<Item>& items) {
    int64_t next = far_.empty() ? INT64_MAX : far_.front().slot;
    for (int64_t word = 0; word <= kWords; ++word) {  // the first word twice: both its ends
      const int64_t at = (now_ / 64 + word) % kWords;
      uint64_t bits = occupied_[at];
      if (word == 0) bits &= ~uint64_t{0} << (now_ % 64);
      if (word == kWords) bits &= ~(~uint64_t{0} << (now_ % 64));
      if (!bits) continue;
      const int64_t found = at * 64 + __builtin_ctzll(bits);
      next = std::min(next, now_ + ((found - now_) & (kSlots - 1)));
      break;
    }
    take_at(next * quantum_, items);
    return now_ * quantum_;
  }

  // Moves the items of a time, before which there are none, into `items`.
  void take_at(int64_t time, std::vector<Item>& items) {
    items.clear();
    now_ = slot_of(time);
    const int64_t slot = now_ & (kSlots - 1);
    // What was far when it went in did so before all that was near.
    while (!far_.empty() && far_.front().slot == now_) {
      std::pop_heap(far_.begin(), far_.end(), later);
      items.push_back(far_.back().item);
      far_.pop_back();
    }
    if (items.empty()) {
      items.swap(slots_[slot]);
      if (slots_[slot].capacity()) spare_.push_back(std::move(slots_[slot]));
    } else {
      items.insert(items.end(), slots_[slot].begin(), slots_[slot].end());
      slots_[slot].clear();
    }
    occupied_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    size_ -= static_cast<int64_t>(items.size());
  }

 private:
  struct Far {
    int64_t slot, order;
    Item item;
  };

  static constexpr int64_t kSlots = 1024, kWords = kSlots / 64;

  int64_t slot_of(int64_t time) const { return shift_ < 0 ? time / quantum_ : time >> shift_; }

  static bool later(const Far& a, const Far& b) {
    return a.slot != b.slot ? a.slot > b.slot : a.order > b.order;
  }

  void put(int64_t slot, const Item& item) {
    slot &= kSlots - 1;
    uint64_t& word = occupied_[slot / 64];
    const uint64_t bit = uint64_t{1} << (slot % 64);
    if (!(word & bit)) {
      word |= bit;
      // Few slots are in use at once: what they need stays in the cache.
      if (!spare_.empty()) {
        slots_[slot].swap(spare_.back());
        spare_.pop_back();
      }
    }
    slots_[slot].push_back(item);
  }

  int shift_ = 0;  // of a quantum that is a power of two, else -1
  int64_t quantum_ = 1, now_ = 0, size_ = 0, order_ = 0;
  std::vector<std::vector<Item>> slots_{kSlots};
  std::vector<std::vector<Item>> spare_;  // empty, with memory
  uint64_t occupied_[kWords] = {};
  std::vector<Far> far_;
};

}  // namespace chipletsim
