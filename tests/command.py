"""Command lines as a shell would run them: in this process, which costs no start-up, or in one of their own."""

import contextlib
import io
import logging
import os
import subprocess
import sys
from unittest import mock

from musiclc.cli import main


class Done(subprocess.CompletedProcess):
    """What a command line left. out: standard output, bytes; err: standard error, text."""

    @property
    def out(self):
        return self.stdout

    @property
    def err(self):
        return self.stderr.decode()


def checked(done, code):
    assert code is None or done.returncode == code, (done.returncode, done.err)
    return done


def musiclc(*words, cwd=None, code=0, stdin=b"", **environment):
    """Runs `musiclc WORD…` in this process: its streams, folder, environment and exit code. code: which one is wanted, None for any."""
    words = [*map(str, words)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=errors) for errors in ("strict", "backslashreplace"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(_within(cwd))
        stack.enter_context(_log_as_it_was())
        stack.enter_context(mock.patch.dict(os.environ, environment))
        streams = {"stdin": io.TextIOWrapper(io.BytesIO(stdin)), "stdout": out, "stderr": err}
        stack.enter_context(mock.patch.multiple(sys, argv=["musiclc", *words], **streams))
        returned = _ended(main)
        out.flush()
        err.flush()
    return checked(Done(words, returned, out.buffer.getvalue(), err.buffer.getvalue()), code)


def process(*words, cwd=None, code=0, stdin=b"", **environment):
    """The same in a process of its own, for what only a process has."""
    command = [sys.executable, "-m", "musiclc.cli", *map(str, words)]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, env={**os.environ, **environment}, timeout=120)
    return checked(Done(command, done.returncode, done.stdout, done.stderr), code)


def _ended(function):
    """The exit code with which a function ends the process. A traceback is written as Python would write it, with code 1."""
    try:
        function()
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


@contextlib.contextmanager
def _within(folder):
    before = os.getcwd()
    os.chdir(folder or before)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _log_as_it_was():
    log = logging.getLogger("musiclc")
    before = log.handlers, log.level, log.propagate
    try:
        yield
    finally:
        log.handlers, log.level, log.propagate = before
