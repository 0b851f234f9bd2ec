"""A worker process: one JSON job a line on standard input, one JSON answer a line on standard output.

Started as ``python -m equilayers.experiments.worker module:name``; ``name(setup)`` makes the function from a job to a
record. It ends when its input ends, so at once when its parent dies, however it dies, also in the middle of a job.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from importlib import import_module
from typing import IO, Any

__all__ = ["main"]


def main(target: str) -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt at the keyboard is the parent's to handle
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not mix with the answers
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    module, name = target.split(":")
    run: Any = None
    while True:
        message = json.loads(lines.get())
        try:
            if run is None:
                run = getattr(import_module(module), name)(message)
                continue
            answer = {"record": run(message)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _listen(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    for line in stream:
        lines.put(line)
    os._exit(0)  # the parent is gone: nobody waits for the job in hand


if __name__ == "__main__":
    main(sys.argv[1])
