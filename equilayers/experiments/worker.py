"""A worker process: one JSON job a line on standard input, one JSON answer a line on standard output.

Started as ``python -P worker.py module:name``; ``name(setup)`` makes the function from a job to a record. It ends when
its input ends, so at once when its parent dies, however it dies, also in the middle of a job. It imports what the
environment installs and the package that this file belongs to, and nothing that lies in the working directory.
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
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
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


def _load_own_package() -> None:
    """Let ``equilayers`` be the one of the parent, wherever that lies; what lies beside it cannot be imported."""
    folder = Path(__file__).absolute().parents[1]
    places = [str(folder)]
    spec = spec_from_file_location("equilayers", folder / "__init__.py", submodule_search_locations=places)
    assert spec is not None and spec.loader is not None
    package = sys.modules["equilayers"] = module_from_spec(spec)
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _load_own_package()
    main(sys.argv[1])
