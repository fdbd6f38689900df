"""What llama.cpp makes of GGUF files: greedy tokens and the ids of texts. Input: {files: [{path, prompts: [[id]], tokens}], texts: {path, all: [text]}}."""

from __future__ import annotations

import ctypes
import json
import sys

import llama_cpp
import numpy as np


def greedy(model: llama_cpp.Llama, ids: list[int], tokens: int) -> dict:
    """Continues a prompt; with each token how far it was ahead of the second in logits."""
    model.reset()
    model._ctx.kv_cache_clear()
    made, ahead = [], []
    given = ids
    for _ in range(tokens):
        model.eval(given)
        pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        floats = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        logits = np.ctypeslib.as_array(floats, (model.n_vocab(),))
        second, first = np.sort(np.partition(logits, -2)[-2:])
        made.append(int(logits.argmax()))
        ahead.append(float(first - second))
        given = made[-1:]
    return {"ids": made, "ahead": ahead}


def opened(path: str, vocab_only: bool = False) -> llama_cpp.Llama:
    return llama_cpp.Llama(path, n_ctx=128, n_batch=64, n_threads=1, n_threads_batch=2, vocab_only=vocab_only, verbose=False)


def main() -> None:
    given = json.load(sys.stdin)
    files = []
    for file in given["files"]:
        model = opened(file["path"])
        files.append([greedy(model, ids, file["tokens"]) for ids in file["prompts"]])
        model.close()
    texts = given["texts"]
    model = opened(texts["path"], True)
    ids = [model.tokenize(text.encode(), add_bos=False, special=False) for text in texts["all"]]
    print(json.dumps({"version": llama_cpp.__version__, "files": files, "texts": ids}))


if __name__ == "__main__":
    main()
