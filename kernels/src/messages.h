// Follows single messages through a mesh of routers: the semi-analytic timing model `detailed`.
// Floating-point sums keep their order, so that results do not depend on who computes them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "threads.h"

namespace chipletsim {

struct MessageSteps {
  int64_t rows, cores, width, height, buffer;
  const int64_t* start;         // [rows x cores + 1], first message of each core
  const int64_t* target;        // [messages], a core, -1 for nowhere
  const double* generation_s;   // [messages]
  const double* processing_s;   // [messages]
  const int64_t* place;         // [cores][2], x and y
  const double* hop_s;          // [cores][4], east, west, north, south
  double* latency_s;            // [rows]
  int32_t* resource;            // [rows], core that takes, cores + core that makes messages,
                                // 2 cores for nothing
};

// A binary heap with the least key on top. Equal keys come out in the order in which
// std::push_heap and std::pop_heap of libstdc++ leave them, on every platform.
class EventHeap {
 public:
  struct Event {
    double sent_s;
    int64_t core;
  };

  void clear() { events_.clear(); }
  bool empty() const { return events_.empty(); }

  void push(double sent_s, int64_t core) {
    events_.push_back({sent_s, core});
    rise(events_.size() - 1);
  }

  Event pop() {
    const Event first = events_.front(), last = events_.back();
    events_.pop_back();
    const size_t size = events_.size();
    if (size == 0) return first;
    size_t hole = 0;
    while (2 * hole + 1 < size) {
      size_t child = 2 * hole + 2;  // the right one, unless the left one is less
      if (child == size || events_[child].sent_s > events_[child - 1].sent_s) --child;
      events_[hole] = events_[child];
      hole = child;
    }
    events_[hole] = last;
    rise(hole);
    return first;
  }

 private:
  void rise(size_t hole) {
    const Event value = events_[hole];
    while (hole > 0 && events_[(hole - 1) / 2].sent_s > value.sent_s) {
      events_[hole] = events_[(hole - 1) / 2];
      hole = (hole - 1) / 2;
    }
    events_[hole] = value;
  }

  std::vector<Event> events_;
};

class MessageStep {
 public:
  explicit MessageStep(const MessageSteps& all)
      : all_(all),
        density_(all.width * all.height * 4 + all.cores),
        finished_s_(all.cores),
        next_(all.cores),
        waiting_(all.cores) {}

  void run(int64_t row) {
    begin(row);
    while (!queue_.empty()) {
      const EventHeap::Event event = queue_.pop();
      double sent_s = event.sent_s;
      reach(sent_s, all_.cores + event.core);
      leave(sent_s);
      const int64_t message = next_[event.core]++;
      if (all_.target[message] >= 0) sent_s = enter(event.core, message, sent_s);
      if (next_[event.core] < start_[event.core + 1]) {
        const double following_s = sent_s + all_.generation_s[next_[event.core]];
        queue_.push(following_s, event.core);
        reach(following_s, all_.cores + event.core);
      }
    }
    all_.latency_s[row] = last_s_;
    all_.resource[row] = static_cast<int32_t>(cause_);
  }

 private:
  struct Flight {
    double received_s;
    double processing_s;
    int64_t core;
    int64_t target;
  };

  void begin(int64_t row) {
    start_ = all_.start + row * all_.cores;
    std::fill(density_.begin(), density_.end(), 0.0);
    std::fill(finished_s_.begin(), finished_s_.end(), 0.0);
    for (auto& each : waiting_) each = {};
    fronts_ = {};
    queue_.clear();
    mean_s_ = last_s_ = 0.0;
    count_ = 0;
    cause_ = 2 * all_.cores;
    for (int64_t core = 0; core < all_.cores; ++core) {
      next_[core] = start_[core];
      if (start_[core] < start_[core + 1]) queue_.push(all_.generation_s[start_[core]], core);
    }
  }

  void reach(double time_s, int64_t cause) {
    if (time_s > last_s_) {
      last_s_ = time_s;
      cause_ = cause;
    }
  }

  // Takes messages that were received off the network: cores in order, each first in, first out.
  void leave(double now_s) {
    ready_.clear();
    while (!fronts_.empty() && fronts_.top().first <= now_s) {
      ready_.push_back(fronts_.top().second);
      fronts_.pop();
    }
    std::sort(ready_.begin(), ready_.end());
    for (const int64_t core : ready_) {
      auto& own = waiting_[core];
      while (!own.empty() && own.front().received_s <= now_s) {
        const Flight flight = own.front();
        own.pop();
        find_route(flight.core, flight.target);
        for (const int64_t link : route_) density_[link] -= share();
        if (count_ > 1) {
          mean_s_ += (mean_s_ - flight.processing_s) / static_cast<double>(count_ - 1);
        }
        --count_;
      }
      if (!own.empty()) fronts_.push({own.front().received_s, core});
    }
  }

  // Puts a message on the network; returns when it was sent, which may have had to wait.
  double enter(int64_t core, int64_t message, double sent_s) {
    const int64_t target = all_.target[message];
    const double processing_s = all_.processing_s[message];
    find_route(core, target);
    const double entries = static_cast<double>(route_.size());  // hops + 1
    double along = 0.0;
    for (const int64_t link : route_) along += density_[link];
    const double room = entries * static_cast<double>(all_.buffer);
    if (along > room) sent_s += (along - room) * mean_s_;
    const double network_s = std::max(least_s_, along * mean_s_ / entries);
    double& finished_s = finished_s_[target];
    const double received_s = std::max(finished_s, sent_s + network_s);
    finished_s = std::max(finished_s + processing_s, sent_s + network_s + processing_s);
    for (const int64_t link : route_) density_[link] += share();
    mean_s_ += (processing_s - mean_s_) / static_cast<double>(count_ + 1);
    ++count_;
    if (waiting_[target].empty()) fronts_.push({received_s, target});
    waiting_[target].push({received_s, processing_s, core, target});
    reach(finished_s, target);
    return sent_s;
  }

  double share() const { return 1.0 / static_cast<double>(route_.size() + 1); }

  // Finds the entries that a route from core to core touches, x first, and its least time.
  void find_route(int64_t core, int64_t target) {
    int64_t x = all_.place[2 * core], y = all_.place[2 * core + 1];
    const int64_t to_x = all_.place[2 * target], to_y = all_.place[2 * target + 1];
    const double* hop_s = all_.hop_s + 4 * core;
    const int64_t along_x = to_x > x ? 0 : 1, along_y = to_y > y ? 2 : 3;
    const int64_t injection = all_.width * all_.height * 4 + core;
    least_s_ = static_cast<double>(std::abs(to_x - x)) * hop_s[along_x] +
               static_cast<double>(std::abs(to_y - y)) * hop_s[along_y];
    // The core's own link at the source; then at each router the direction it was reached in,
    // but along x the one it is left in, which is the same until the turn.
    route_.assign(1, injection);
    while (x != to_x) {
      x += to_x > x ? 1 : -1;
      route_.push_back((y * all_.width + x) * 4 + along_x);
    }
    while (y != to_y) {
      y += to_y > y ? 1 : -1;
      route_.push_back((y * all_.width + x) * 4 + along_y);
    }
  }

  const MessageSteps& all_;
  const int64_t* start_ = nullptr;
  std::vector<double> density_;  // of links by router and direction, then of injection by core
  std::vector<double> finished_s_;
  std::vector<int64_t> next_;
  std::vector<std::queue<Flight>> waiting_;  // by target
  std::priority_queue<std::pair<double, int64_t>, std::vector<std::pair<double, int64_t>>,
                      std::greater<>>
      fronts_;  // first of each that waits
  std::vector<int64_t> ready_, route_;
  EventHeap queue_;
  double mean_s_ = 0.0, last_s_ = 0.0, least_s_ = 0.0;
  int64_t count_ = 0, cause_ = 0;
};

inline void follow_messages(const MessageSteps& all, int threads) {
  threads = busy_threads(all.rows, threads);
  std::vector<MessageStep> steps;
  steps.reserve(threads);
  for (int thread = 0; thread < threads; ++thread) steps.emplace_back(all);
  share(all.rows, threads, [&](int thread, int64_t row) { steps[thread].run(row); });
}

}  // namespace chipletsim
