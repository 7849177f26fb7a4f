// Events in the order of time: a ring of slots for what is near, a heap for what is far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace chipletsim {

// Items one after the other. They are put in from registers: std::vector, which hands them on by
// address as it grows, writes each to memory first and waits until it can read it from there.
template <class Item>
class Batch {
 public:
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  Item& operator[](size_t at) { return items_[at]; }
  const Item* begin() const { return items_.get(); }
  const Item* end() const { return items_.get() + size_; }

  void add(Item item) {
    if (size_ == capacity_) grow();
    items_[size_++] = item;
  }
  void clear() { size_ = 0; }

 private:
  __attribute__((noinline)) void grow() {
    capacity_ = std::max<size_t>(16, 2 * capacity_);
    std::unique_ptr<Item[]> more(new Item[capacity_]);
    std::copy(begin(), end(), more.get());
    items_ = std::move(more);
  }

  std::unique_ptr<Item[]> items_;
  size_t size_ = 0, capacity_ = 0;
};

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

  __attribute__((always_inline)) void add(int64_t time, Item item) {
    const int64_t slot = slot_of(time);
    ++size_;
    if (slot - now_ < kSlots) {
      put(slot, item);
    } else {
      put_far(slot, item);
    }
  }

  // Whether more has come for the time whose items were taken last.
  bool has_more() const {
    const int64_t slot = now_ & (kSlots - 1);
    return occupied_[slot / 64] >> (slot % 64) & 1;
  }

  // Moves the next items into `items`, and returns their time.
  int64_t take(Batch<Item>& items) {
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
  void take_at(int64_t time, Batch<Item>& items) {
    items.clear();
    now_ = slot_of(time);
    const int64_t slot = now_ & (kSlots - 1);
    // What was far when it went in did so before all that was near.
    while (!far_.empty() && far_.front().slot == now_) {
      std::pop_heap(far_.begin(), far_.end(), later);
      items.add(far_.back().item);
      far_.pop_back();
    }
    if (items.size() == 0) {
      std::swap(items, slots_[slot]);
      if (slots_[slot].capacity()) std::swap(spare_.emplace_back(), slots_[slot]);
    } else {
      for (const Item& item : slots_[slot]) items.add(item);
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

  __attribute__((noinline)) void put_far(int64_t slot, Item item) {
    far_.push_back({slot, order_++, item});
    std::push_heap(far_.begin(), far_.end(), later);
  }

  void put(int64_t slot, Item item) {
    slot &= kSlots - 1;
    uint64_t& word = occupied_[slot / 64];
    const uint64_t bit = uint64_t{1} << (slot % 64);
    if (!(word & bit)) {
      word |= bit;
      open(slots_[slot]);
    }
    slots_[slot].add(item);
  }

  // Few slots are in use at once: what they need stays in the cache.
  __attribute__((noinline)) void open(Batch<Item>& slot) {
    if (spare_.empty()) return;
    std::swap(slot, spare_.back());
    spare_.pop_back();
  }

  int shift_ = 0;  // of a quantum that is a power of two, else -1
  int64_t quantum_ = 1, now_ = 0, size_ = 0, order_ = 0;
  std::vector<Batch<Item>> slots_{kSlots};
  std::vector<Batch<Item>> spare_;  // empty, with memory
  uint64_t occupied_[kWords] = {};
  std::vector<Far> far_;
};

}  // namespace chipletsim
