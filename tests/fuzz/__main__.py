"""The command: python -m tests.fuzz READER -n 20000; see __init__.py."""

import argparse
import collections
import contextlib
import hashlib
import logging
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from musiclc.errors import MusiclcError, one_line
from tests.fuzz.mutations import generator
from tests.fuzz.readers import READERS

SECONDS, MEMORY = 10, 1 << 30  # of one input at most: of the processor, and of memory beyond what was there


class Hang(BaseException):
    """An input took too long."""


def faults_of(reader, data):
    """How reading one input ends: ("result" | "refused", "") or ("fault", what it was)."""
    try:
        reader.read(data)
    except MusiclcError as error:
        return ("refused", "") if one_line(error) else ("fault", "an error that says nothing")
    except Hang:
        return "fault", "took too long: " + _where()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "fault", f"{type(error).__name__}: {str(error)[:100]} at {_where()}"
    return "result", ""


def _where():
    """The last places in musiclc that the exception passed."""
    frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(sys.exc_info()[2]) if "musiclc/" in f.filename]
    return " < ".join(frames[:-3:-1])


def _too_long(number, frame):
    raise Hang


@contextlib.contextmanager
def limits(memory=MEMORY):
    """SECONDS of processor time an input (`again` begins anew), and so much memory more than there is now; without limit for 0."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGPROF, _too_long)

    def again():
        signal.setitimer(signal.ITIMER_PROF, SECONDS, 1.0)

    try:
        yield again
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run(name, n, seed, found):
    """Try n inputs; how many ended how, and the faults by kind."""
    reader, ends, kinds, slowest = READERS[name], collections.Counter(), {}, 0.0
    reader.sound  # noqa: B018 (made before memory is limited)
    for data in reader.sound:
        with contextlib.suppress(MusiclcError):
            reader.read(data)
    with limits() as again:
        for number in range(n):
            rng = generator(name, seed, number)
            data = reader.change(rng, rng.choice(reader.sound), reader.sound, reader.words)
            again()
            began = time.process_time()
            end, what = faults_of(reader, data)
            slowest = max(slowest, time.process_time() - began)
            ends[end] += 1
            if end == "fault" and kinds.setdefault(what, 0) == 0:
                found.mkdir(exist_ok=True)
                (found / f"{name}-{hashlib.sha256(data).hexdigest()[:10]}").write_bytes(data)
                print(f"{name} {number}: {what}", flush=True)
            if end == "fault":
                kinds[what] += 1
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {n} inputs, seed {seed}: {dict(ends)}; {len(kinds)} kinds of faults; slowest {slowest:.2f} s; at most {most:.0f} MB in all")
    return kinds


def guided(name, minutes, found):
    """Coverage-guided, by atheris."""
    import atheris

    with atheris.instrument_imports(include=["musiclc"]):
        reader = READERS[name]
        folder = found / f"{name}-corpus"
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(reader.sound):
            (folder / f"seed{number}").write_bytes(data)
            with contextlib.suppress(MusiclcError):
                reader.read(data)

    def once(data):
        end, what = faults_of(reader, data)
        if end == "fault":
            raise RuntimeError(what)

    arguments = [
        f"-max_total_time={round(60 * minutes)}",
        f"-timeout={SECONDS}",
        "-rss_limit_mb=3000",
        "-max_len=65536",
        f"-artifact_prefix={found}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(folder)], once)
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("readers", nargs="*", help=", ".join(READERS))
    parser.add_argument("-n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--file", type=Path, help="one input: what becomes of it, with the traceback")
    given = parser.parse_args()
    logging.getLogger("musiclc").setLevel(logging.CRITICAL)
    if given.file:
        READERS[given.readers[0]].read(given.file.read_bytes())
    elif given.atheris:
        guided(given.readers[0], given.minutes, given.found)
    elif not given.readers:
        print(*READERS)
    elif [name for name in given.readers if run(name, given.n, given.seed, given.found)]:
        sys.exit(1)


if __name__ == "__main__":
    main()
