// Threads of one call, the barrier between them, and how they round.
#pragma once

#include <atomic>
#include <cstdint>
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

// Runs work(thread) on each of `threads` threads, this one among them, and waits for all.
template <class Work>
void on_threads(int threads, const Work& work) {
  auto run = [&work](int thread) {
    FlushDenormals flush;
    work(thread);
  };
  std::vector<std::thread> others;
  others.reserve(threads > 0 ? threads - 1 : 0);
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (auto& each : others) each.join();
}

// Makes threads wait for each other. They spin, since a step takes microseconds, and give way
// after a while, since there may be fewer processors than threads.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  void wait() {
    if (threads_ == 1) return;
    const uint32_t turn = turn_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      turn_.store(turn + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; turn_.load(std::memory_order_acquire) == turn; ++spins) {
      if (spins > kSpins) {
        std::this_thread::yield();
      } else {
        pause();
      }
    }
  }

 private:
  static constexpr int kSpins = 4000;  // some 50 us: longer than a step of a small network

  static void pause() {
#if defined(__SSE2__)
    _mm_pause();
#endif
  }

  const int threads_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> turn_{0};
};

}  // namespace chipletsim
