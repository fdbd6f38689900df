// A pool of threads that shares out numbered parts of one piece of work.
#pragma once
#include <cstdint>

// Uses `count` threads, the caller's among them, from now on.
void set_threads(int count);
int thread_count();

using Part = void (*)(void* work, int64_t part);

// Calls part(work, 0 … parts − 1), each once, in any order, and returns when all are done.
void run_parts(int64_t parts, Part part, void* work);

template <class F>
void parallel(int64_t parts, F&& work) {
  run_parts(parts, [](void* f, int64_t part) { (*static_cast<F*>(f))(part); }, &work);
}
