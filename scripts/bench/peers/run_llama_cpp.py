"""Loads a GGUF file with llama.cpp, prefills, decodes greedily, prints one line of JSON.

usage: python run_llama_cpp.py FILE.gguf PREFILL DECODE ROUNDS
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import time

import llama_cpp
import numpy as np


def main() -> None:
    path, prefill, decode, rounds = sys.argv[1], *map(int, sys.argv[2:5])
    ids = [3 + (i * 7919) % 30000 for i in range(prefill)]
    begin = time.perf_counter()
    threads = len(os.sched_getaffinity(0))
    model = llama_cpp.Llama(path, n_ctx=prefill + decode + 8, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)
    loaded = time.perf_counter()
    vocab = model.n_vocab()

    def greedy() -> int:
        pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        return int(np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (vocab,)).argmax())

    runs = []
    for _ in range(rounds):
        model.reset()
        model._ctx.kv_cache_clear()
        start = time.perf_counter()
        model.eval(ids)
        made = [greedy()]
        first = time.perf_counter()
        for _ in range(decode):
            model.eval(made[-1:])
            made.append(greedy())
        end = time.perf_counter()
        runs.append({"prefill": prefill / (first - start), "decode": decode / (end - first)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"version": f"llama-cpp-python {llama_cpp.__version__}", "loadSeconds": loaded - begin, "runs": runs, "peakBytes": peak, "ids": made}))


if __name__ == "__main__":
    main()
