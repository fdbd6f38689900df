"""Talks with a program through a pseudo-terminal, as a person would.

stdin: {command: [program, argument, …], folder, steps: [{wait, send}]}; each step waits until the screen shows `wait` (a new one), then
types `send`. stdout: {status, screen}
"""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time

LIMIT_S = 120


def main() -> None:
    request = json.load(sys.stdin)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(request["folder"])
        os.environ["TERM"] = "xterm"
        os.execvp(request["command"][0], request["command"])
    screen, seen, end = "", 0, time.monotonic() + LIMIT_S

    def read() -> bool:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if not ready:
            return True
        try:
            data = os.read(terminal, 65536)
        except OSError:  # what Linux says when the other side has gone
            return False
        nonlocal screen
        screen += data.decode("utf8", "replace")
        return len(data) > 0

    for step in request["steps"]:
        while step["wait"] not in screen[seen:]:
            if time.monotonic() > end or not read():
                sys.exit(f"never saw {step['wait']!r} in {screen[seen:]!r}")
        seen += screen[seen:].index(step["wait"]) + len(step["wait"])
        os.write(terminal, step["send"].encode())
    while read():
        if time.monotonic() > end:
            os.kill(child, 9)
            sys.exit(f"did not end: {screen[seen:]!r}")
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
    else:
        _, status = os.waitpid(child, 0)
    read()
    print(json.dumps({"status": os.waitstatus_to_exitcode(status), "screen": screen}))


main()
