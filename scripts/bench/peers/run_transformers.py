"""Loads a converted folder with transformers, prefills, decodes greedily, prints one line of JSON.

usage: python run_transformers.py FOLDER f32|bf16 PREFILL DECODE ROUNDS [BATCH]
"""

from __future__ import annotations

import json
import resource
import sys
import time

import torch
import transformers


@torch.inference_mode()
def main() -> None:
    folder, dtype, prefill, decode, rounds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    batch = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    ids = torch.tensor([[3 + (i * 7919) % 30000 for i in range(prefill)]] * batch)
    begin = time.perf_counter()
    kind = {"f32": torch.float32, "bf16": torch.bfloat16}[dtype]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=kind).eval()
    loaded = time.perf_counter()
    runs = []
    for _ in range(rounds):
        start = time.perf_counter()
        out = model(ids, use_cache=True, logits_to_keep=1)
        next_ids = out.logits[:, -1].argmax(dim=-1, keepdim=True)
        made = [int(next_ids[0])]
        first = time.perf_counter()
        for _ in range(decode):
            out = model(next_ids, past_key_values=out.past_key_values, use_cache=True)
            next_ids = out.logits[:, -1].argmax(dim=-1, keepdim=True)
            made.append(int(next_ids[0]))
        end = time.perf_counter()
        runs.append({"prefill": batch * prefill / (first - start), "decode": batch * decode / (end - first)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    version = f"transformers {transformers.__version__}, torch {torch.__version__}"
    print(json.dumps({"version": version, "loadSeconds": loaded - begin, "runs": runs, "peakBytes": peak, "ids": made}))


if __name__ == "__main__":
    main()
