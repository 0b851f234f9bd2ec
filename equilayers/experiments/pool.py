"""Worker processes that may be killed at any moment and die with their parent."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from equilayers.errors import EquilayersError

__all__ = ["Pool", "usable_cores"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
WORKER = Path(__file__).absolute().with_name("worker.py")
PATIENCE = 3  # a job that ends this many workers is not tried again

Job = dict[str, Any]


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _options() -> list[str]:
    """The working directory is never on the path of a worker; what the parent was told to leave out is left out."""
    flags = {"-I": sys.flags.isolated, "-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    return ["-P", *(option for option, is_set in flags.items() if is_set)]


def _environment() -> dict[str, str]:
    """The parent's; an empty entry of the path would stand for the working directory."""
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}


class _Worker:
    """One process, and a thread that passes on what it answers, None at its end."""

    def __init__(self, target: str, setup: Job, answers: queue.Queue[tuple[_Worker, str | None]]) -> None:
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the worker)
        try:
            self.process = subprocess.Popen(
                [sys.executable, *_options(), str(WORKER), target],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, env=_environment(), encoding="utf-8",
            )  # fmt: skip
        except OSError:
            self.said.close()
            raise
        self.job: Job | None = None
        self._answers = answers
        threading.Thread(target=self._listen, daemon=True).start()
        self._tell(setup)

    def give(self, job: Job) -> None:
        self.job = job
        self._tell(job)

    def _tell(self, message: Job) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except OSError:
            return  # it has just died: the listening thread reports it

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # else torn: the worker died while writing
                self._answers.put((self, line))
        self._answers.put((self, None))

    def last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.said):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue  # unsent bytes of a dead worker


class Pool:
    """Runs jobs in worker processes, one thread each.

    A worker that dies is replaced and its job given out again. Workers end with this process, also when it is killed.

    Args:
        target: "module:name" of a callable that takes ``setup`` and returns the function from a job to a record.
        setup: plain values.
        processes: number of workers.

    Raises:
        EquilayersError: when no worker can be started; from :meth:`wait`, when a job fails, or ends one worker after
            another.
    """

    def __init__(self, target: str, setup: Job, processes: int) -> None:
        self._target, self._setup = target, setup
        self._answers: queue.Queue[tuple[_Worker, str | None]] = queue.Queue()
        self._deaths: dict[str, int] = {}
        self._workers: list[_Worker] = []
        try:
            for _ in range(processes):
                self._workers.append(self._new())
        except BaseException:
            self.__exit__()
            raise

    def _new(self) -> _Worker:
        try:
            return _Worker(self._target, self._setup, self._answers)
        except OSError as error:
            remedy = "Make room for processes and temporary files, then give the same command again."
            raise EquilayersError("A worker process cannot be started.", {"reason": error}, remedy) from error

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    @property
    def is_busy(self) -> bool:
        """Some job is in hand."""
        return any(worker.job is not None for worker in self._workers)

    @property
    def is_free(self) -> bool:
        """Some worker has nothing to do."""
        return any(worker.job is None for worker in self._workers)

    def give(self, job: Job) -> None:
        """Hand a job to a free worker."""
        next(worker for worker in self._workers if worker.job is None).give(job)

    def wait(self, seconds: float) -> dict[str, Any] | None:
        """The next record, or None after ``seconds`` or after a death."""
        try:
            worker, line = self._answers.get(timeout=seconds)
        except queue.Empty:
            return None
        if worker not in self._workers:
            return None
        if line is None:
            self._replace(worker)
            return None
        answer = json.loads(line)
        if "error" in answer:
            values = {"job": worker.job, "error": answer["error"]}
            raise EquilayersError("A run failed.", values, answer["trace"].rstrip().splitlines()[-2].strip())
        worker.job = None
        return answer["record"]

    def _replace(self, worker: _Worker) -> None:
        job, words = worker.job, worker.last_words()
        name = json.dumps(job, sort_keys=True)
        self._deaths[name] = self._deaths.get(name, 0) + 1
        worker.end()
        if self._deaths[name] >= PATIENCE:
            values = {"job": job, "deaths": self._deaths[name], "last words": words}
            raise EquilayersError("Worker processes die one after another.", values, "Is there enough memory?")
        fresh = self._new()
        self._workers[self._workers.index(worker)] = fresh
        if job is not None:
            fresh.give(job)
