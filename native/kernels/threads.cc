#include "threads.h"

#include <immintrin.h>

#include <algorithm>
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

// Runs of parts, and threads that take them, at most; more threads share.
constexpr int MOST_RUNS = 64;

// Parts that follow each other: a thread has a run of its own, so that what it reads of a matrix is together and what it asks
// memory for in advance is its own, and helps others when that is done. Alone on a line of the cache.
struct alignas(64) Run {
  std::atomic<int64_t> next{0};
  int64_t end = 0;
};

// A worker takes part in a piece of work only while it is open, and says so first: who comes late, since the system runs
// something else in its place, is not waited for.
struct Pool {
  std::mutex caller;  // one piece of work at a time
  std::mutex sleep;
  std::condition_variable wake;
  int workers = 0;
  Part part = nullptr;
  void* work = nullptr;
  Run runs[MOST_RUNS];
  int run_count = 1;
  std::atomic<int> inside{0};
  std::atomic<bool> open{false};
  std::atomic<uint64_t> round{0};

  void share_out(int64_t parts) {
    run_count = std::min(workers + 1, MOST_RUNS);
    for (int i = 0; i < run_count; i++) {
      runs[i].next.store(parts * i / run_count, std::memory_order_relaxed);
      runs[i].end = parts * (i + 1) / run_count;
    }
  }

  // Those of the thread's own run, then those that others have left.
  void take_parts(int thread) {
    for (int step = 0; step < run_count; step++) {
      Run& run = runs[(thread + step) % run_count];
      for (int64_t i; (i = run.next.fetch_add(1, std::memory_order_relaxed)) < run.end;) part(work, i);
    }
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

  void serve(int thread, uint64_t seen) {
    for (;;) {
      seen = await(seen);
      inside.fetch_add(1);
      if (open.load()) take_parts(thread);
      inside.fetch_sub(1);
    }
  }

  void run(int64_t count, Part f, void* argument) {
    std::lock_guard<std::mutex> lock(caller);
    part = f;
    work = argument;
    share_out(count);
    open.store(true);
    {
      std::lock_guard<std::mutex> sleeping(sleep);
      round.fetch_add(1, std::memory_order_release);
    }
    wake.notify_all();
    take_parts(0);
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
    std::thread([thread = pool.workers + 1, seen = pool.round.load()] { pool.serve(thread, seen); }).detach();
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
