#include "threads.h"

#include <immintrin.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace {

// How long a thread looks for more work before it sleeps: the operations of one token follow each other within it.
constexpr auto PATIENCE = std::chrono::microseconds(200);
// Looks at the clock after this many pauses.
constexpr int PAUSES = 64;

// A worker takes part in a piece of work only while it is open, and says so first: who comes late, since the system runs
// something else in its place, is not waited for.
struct Pool {
  std::mutex caller;  // one piece of work at a time
  std::mutex sleep;
  std::condition_variable wake;
  int workers = 0;
  Part part = nullptr;
  void* work = nullptr;
  int64_t parts = 0;
  std::atomic<int64_t> next{0};
  std::atomic<int> inside{0};
  std::atomic<bool> open{false};
  std::atomic<uint64_t> round{0};

  void take_parts() {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < parts;) part(work, i);
  }

  // Spins for a while, then sleeps, until `round` is no longer `seen`. @returns the round that it is.
  uint64_t await(uint64_t seen) {
    const auto changed = [&] { return round.load(std::memory_order_acquire) != seen; };
    const auto end = std::chrono::steady_clock::now() + PATIENCE;
    do {
      for (int i = 0; i < PAUSES; i++) {
        if (changed()) return round.load(std::memory_order_acquire);
        _mm_pause();
      }
    } while (std::chrono::steady_clock::now() < end);
    std::unique_lock<std::mutex> lock(sleep);
    wake.wait(lock, changed);
    return round.load(std::memory_order_acquire);
  }

  void serve(uint64_t seen) {
    for (;;) {
      seen = await(seen);
      inside.fetch_add(1);
      if (open.load()) take_parts();
      inside.fetch_sub(1);
    }
  }

  void run(int64_t count, Part f, void* argument) {
    std::lock_guard<std::mutex> lock(caller);
    part = f;
    work = argument;
    parts = count;
    next.store(0, std::memory_order_relaxed);
    open.store(true);
    {
      std::lock_guard<std::mutex> sleeping(sleep);
      round.fetch_add(1, std::memory_order_release);
    }
    wake.notify_all();
    take_parts();
    open.store(false);
    for (int i = 0; inside.load() != 0; i++) {
      if (i < PAUSES) _mm_pause();
      else std::this_thread::yield();
    }
  }
};

// Never destroyed: its threads run until the process ends.
Pool& pool = *new Pool;

}  // namespace

void set_threads(int count) {
  std::lock_guard<std::mutex> lock(pool.caller);
  for (; pool.workers < count - 1; pool.workers++) {
    std::thread([seen = pool.round.load()] { pool.serve(seen); }).detach();
  }
}

int thread_count() { return pool.workers + 1; }

void run_parts(int64_t parts, Part part, void* work) {
  if (parts == 1 || pool.workers == 0) {
    for (int64_t i = 0; i < parts; i++) part(work, i);
  } else if (parts > 1) {
    pool.run(parts, part, work);
  }
}
