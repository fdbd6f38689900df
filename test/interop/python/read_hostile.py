"""Loads hostile files with the real libraries, each in a process of its own, and says what became of it.

stdin: [{path, reader}]; reader: torch, torch-mmap, paddle, safetensors, transformers
stdout: [{outcome, detail, facts, mebibytes, seconds}]; outcome: read, refused, crashed, hung; `ran` where a payload ran

A child makes nothing but the folder that its payload makes; it works in an empty folder of its own and is given a minute of
processor time, 20 seconds of the clock, and 4 GiB above what it begins with.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time

import paddle
import safetensors
import torch
import transformers.utils.hub

from facts import of_torch
from flatten import flatten

# Of the processor: how busy the machine is, is no property of a file.
SECONDS = 20
WALL_SECONDS = 120
MARK = "payload-ran"


def of_safetensors(path: str) -> dict:
    with safetensors.safe_open(path, framework="pt") as file:
        return {name: of_torch(file.get_tensor(name)) for name in file.keys()}


def of_index(folder: str) -> dict:
    """The shards that transformers would open, as it finds them, then each with safetensors."""
    index = os.path.join(folder, "model.safetensors.index.json")
    files, _ = transformers.utils.hub.get_checkpoint_shard_files(folder, index)
    facts: dict = {}
    for file in files:
        facts.update(of_safetensors(file))
    return facts


def load(path: str, reader: str) -> dict:
    facts: dict = {}
    if reader == "torch":
        flatten(torch.load(path, weights_only=True), None, facts)
    elif reader == "torch-mmap":
        flatten(torch.load(path, weights_only=True, mmap=True), None, facts)
    elif reader == "paddle":
        flatten(paddle.load(path, return_numpy=True), None, facts)
    elif reader == "safetensors":
        facts = of_safetensors(path)
    else:
        facts = of_index(path)
    return facts


def child(item: dict, pipe: int) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (mapped + 4 * 2**30, mapped + 4 * 2**30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    try:
        result = {"outcome": "read", "detail": "", "facts": load(item["path"], item["reader"])}
    except BaseException as error:  # whatever a hostile file makes a library raise
        result = {"outcome": "refused", "detail": f"{type(error).__name__}: {error}"[:300], "facts": {}}
    data = json.dumps(result).encode("utf-8", "replace")
    while data:
        data = data[os.write(pipe, data) :]
    os._exit(0)


def read(item: dict) -> dict:
    folder = tempfile.mkdtemp()
    reading, writing = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.chdir(folder)
        child(item, writing)
    os.close(writing)
    data = b""
    hung = False
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, began + WALL_SECONDS - time.monotonic()))
        if not ready:
            hung = True
            os.kill(pid, signal.SIGKILL)
            break
        chunk = os.read(reading, 2**20)
        if not chunk:
            break
        data += chunk
    os.close(reading)
    _, status, usage = os.wait4(pid, 0)
    seconds = round(usage.ru_utime + usage.ru_stime, 2)
    hung = hung or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        result = json.loads(data)
    except ValueError:
        ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {status}"
        result = {"outcome": "hung" if hung else "crashed", "detail": ended, "facts": {}}
    ran = os.path.exists(os.path.join(folder, MARK))
    for name in os.listdir(folder):
        os.rmdir(os.path.join(folder, name))
    os.rmdir(folder)
    return {**result, "ran": ran, "seconds": seconds, "mebibytes": max(0, (usage.ru_maxrss - idle) // 1024)}


def main() -> None:
    print(json.dumps([read(item) for item in json.load(sys.stdin)]))


main()
