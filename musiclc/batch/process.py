"""Starting a process that takes nothing from the user's current folder, on every platform alike.

multiprocessing's spawn runs `python -c …`, whose import path begins with the current folder; then hands over the parent's import path, which
begins so too after `python -m` and in a notebook; then runs the parent's main script once more. Each of these would run what happens
to lie beside the jobs: a queue.py, another checkout's musiclc/, a script without a main guard. So for the moment of a start the three are
replaced; and Ctrl-C is kept from the child until it has its own session.

Inside: `started`, `import_path`.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import get_context, resource_tracker, spawn, util
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

_SAFE = "-P" if sys.version_info >= (3, 11) else "-I"  # no current folder first; before 3.11 only isolation does that, which ignores PYTHON… too
_ROOT = Path(__file__).resolve().parents[2]  # the folder that musiclc is imported from
_ONE_AT_A_TIME = threading.Lock()


def started(target: Callable[..., None], *arguments: Any) -> SpawnProcess:
    """A new process that calls `target`, a function of a module, with the arguments, connections among them."""
    process = get_context("spawn").Process(target=target, args=arguments)
    with _ONE_AT_A_TIME, _clean_start():
        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()  # whose start, within that of the first process, would let Ctrl-C through again
        with _interrupts_blocked():
            process.start()
    return process


def import_path(path: list[str]) -> list[str]:
    """An import path without the current folder, unless that is where musiclc itself is."""
    here = Path.cwd().resolve()
    return [entry for entry in path if here == _ROOT or (entry and Path(entry).resolve() != here)]


@contextlib.contextmanager
def _clean_start() -> Iterator[None]:
    flags, preparation = util._args_from_interpreter_flags, spawn.get_preparation_data  # type: ignore[attr-defined]

    def prepared(name: str) -> dict[str, Any]:
        found = {key: value for key, value in preparation(name).items() if not key.startswith("init_main")}
        return {**found, "sys_path": import_path(sys.path)}

    util._args_from_interpreter_flags = lambda: [*flags(), _SAFE]  # type: ignore[attr-defined]
    spawn.get_preparation_data = prepared
    try:
        yield
    finally:
        util._args_from_interpreter_flags, spawn.get_preparation_data = flags, preparation  # type: ignore[attr-defined]


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold back Ctrl-C, for a child that is started meanwhile for good; where there are no signal masks, it is not held back."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def set_apart() -> None:
    """Called in a process that was `started`: Ctrl-C is for its parent alone, and what it prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    sys.stdout = sys.stderr
