// Threads of one call, how they share its work, and how they round.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace chipletsim {

// Takes numbers below the least normal float32 for zero, as XLA does on CPUs, until it goes.
class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#endif
};

// Runs work(thread) on each of `threads` threads, this one among them, and waits for all. Where
// the system gives no more threads, this one does the work of the others after its own.
template <class Work>
void on_threads(int threads, const Work& work) {
  auto run = [&work](int thread) {
    FlushDenormals flush;
    work(thread);
  };
  std::vector<std::thread> others;
  others.reserve(threads > 0 ? threads - 1 : 0);
  int made = 1;
  try {
    for (; made < threads; ++made) others.emplace_back(run, made);
  } catch (const std::exception&) {
  }
  run(0);
  for (int thread = made; thread < threads; ++thread) run(thread);
  for (auto& each : others) each.join();
}

// How many of at most `threads` threads have a unit to do; at least one.
inline int busy_threads(int64_t units, int threads) {
  return static_cast<int>(std::clamp<int64_t>(units, 1, std::max(threads, 1)));
}

// Calls work(thread, unit) for units 0 to `units`, each on whichever thread comes for it.
template <class Work>
void share(int64_t units, int threads, const Work& work) {
  std::atomic<int64_t> next{0};
  on_threads(busy_threads(units, threads), [&](int thread) {
    for (int64_t unit = next++; unit < units; unit = next++) work(thread, unit);
  });
}

// Shares the blocks of phases that follow one another among threads, the same blocks to the same
// thread each time, so that they stay in its cache. A phase begins once all blocks of the one
// before are done. A block that its thread does not come for is taken by another, so one that
// the system has put aside holds up nobody.
class Phases {
 public:
  // Blocks of each phase of a round; the phases of a round come again and again.
  Phases(const std::vector<int64_t>& blocks, int threads) : threads_(threads) {
    for (const int64_t each : blocks) first_.push_back(first_.back() + each);
    claimed_ = std::vector<Rounds>(first_.back());
    done_ = std::vector<Rounds>(first_.back());
  }

  // Calls work(round, phase, block) for its share of `rounds` rounds.
  template <class Work>
  void run(int thread, int64_t rounds, const Work& work) {
    int patience = kSpins;
    for (int64_t round = 0; round < rounds; ++round) {
      for (size_t phase = 0; phase + 1 < first_.size(); ++phase) {
        const int64_t blocks = first_[phase + 1] - first_[phase];
        auto take = [&](int64_t block) {
          int64_t before = round;
          const int64_t at = first_[phase] + block;
          if (!claimed_[at].count.compare_exchange_strong(before, round + 1)) return false;
          work(round, phase, block);
          done_[at].count.store(round + 1, std::memory_order_release);
          return true;
        };
        for (int64_t block = thread; block < blocks; block += threads_) take(block);
        bool helped = false;
        int64_t known = first_[phase];  // blocks before are done
        for (int spins = 1;; ++spins) {
          while (known < first_[phase + 1] &&
                 done_[known].count.load(std::memory_order_acquire) > round) {
            ++known;
          }
          if (known == first_[phase + 1]) break;
          pause();
          if (spins % patience) continue;
          bool found = false;
          for (int64_t block = 0; block < blocks; ++block) found |= take(block);
          if (!found && spins > kSpins) std::this_thread::yield();
          helped |= found;
        }
        // Whoever did not come this time will hardly come the next.
        patience = helped ? std::max(patience / 4, 1) : kSpins;
      }
    }
  }

 private:
  // How many rounds of a block there were. Each has a line of the cache to itself: while a thread
  // works, no other writes or reads what it has to write.
  struct alignas(64) Rounds {
    std::atomic<int64_t> count{0};
  };

  static constexpr int kSpins = 256;  // some microseconds: a running thread has long come

  static void pause() {
#if defined(__SSE2__)
    _mm_pause();
#endif
  }

  const int threads_;
  std::vector<int64_t> first_{0};
  std::vector<Rounds> claimed_;  // of each block
  std::vector<Rounds> done_;
};

}  // namespace chipletsim
