"""What is on the table: takes, jobs, undo, and the rooms of the library that the page reaches through them.

Inside: `Session`.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from musiclc.errors import MusiclcError, UsageError
from musiclc.studio.desk import Desk, TakeJob
from musiclc.studio.history import History
from musiclc.studio.making import MadeTake
from musiclc.studio.sheet import sheet_of
from musiclc.studio.takes import Shelf, Take
from musiclc.studio.verbs import MOST_SEED, plan_of

SHEETS = 12  # that are kept as the page draws them
MOST_STATE = 64 * 1024  # characters of a state of the page
SAME_BARS = ("infill", "vary", "transform")  # verbs that leave a take's form as it is
MOST_NAME = 120  # letters of a file's name
_STRANGE = re.compile(r"[\x00-\x1f\x7f/\\]+")


def plain_name(said: str) -> str:
    """A file's name as command lines and downloads may have it: no folders, nothing that cannot be seen."""
    name = _STRANGE.sub(" ", said.replace("\\", "/").rpartition("/")[2]).strip()
    name = "".join(c for c in name if c.isprintable()).strip()[-MOST_NAME:]
    return name if name.strip(". ") else "song.mid"


class Session:
    """All that a page can reach. told: hears what pages are to be told; load: gives the model. Methods raise MusiclcError."""

    def __init__(self, told: Callable[[dict[str, Any]], None], load: Callable[[], Any], **more: Any) -> None:
        self.told, self.shelf, self.history = told, Shelf(), History()
        self.desk = Desk(load, self._adopted, told, **more)
        self._lock = threading.RLock()
        self._sheets: OrderedDict[tuple[int, str], dict[str, Any]] = OrderedDict()

    def open(self, name: str, data: bytes) -> Take:
        """A file that the user opened, under the name that command lines call it by. Raises InputError for what is no MIDI file."""
        sheet_of(data, name, {})
        return self._put(Take(self.shelf.next(), data, name))

    def sheet(self, number: int, track: str) -> dict[str, Any]:
        """A take as it is drawn and played."""
        take = self.shelf.of(number)
        with self._lock:
            if (number, track) not in self._sheets:
                self._sheets[number, track] = sheet_of(take.data, take.file, take.entry, track)
                while len(self._sheets) > SHEETS:
                    self._sheets.popitem(last=False)
            return self._sheets[number, track]

    def measured(self, number: int, track: str) -> list[dict[str, Any]]:
        """What every rule measures in a take's melody."""
        from musiclc.midi import read_song
        from musiclc.rules import score

        take = self.shelf.of(number)
        return score(read_song(take.data, name=take.file, track=track).melody)

    def make(self, said: dict[str, Any]) -> TakeJob:
        """Ask for a take."""
        plan = plan_of(said, [self.shelf.of(number) for number in _numbers(said)])
        return self.desk.submit(plan, _seed(said.get("seed")))

    def ahead(self, said: dict[str, Any]) -> None:
        """Make takes ahead of what the page may ask for next."""
        self.desk.ahead(plan_of(said, [self.shelf.of(number) for number in _numbers(said)]) if said.get("verb") else None)

    def star(self, number: Any, star: Any) -> Take:
        """Give a take its star, or take it away."""
        take = self.shelf.of(number)
        take.star = star is True
        self.told({"changed": take.told})
        return take

    def step(self, said: dict[str, Any]) -> dict[str, Any]:
        """A step of the page's history: {"do": state}, {"undo": true} or {"redo": true}."""
        with self._lock:
            state = said.get("do")
            if isinstance(state, dict):
                if len(str(state)) > MOST_STATE:
                    raise UsageError(f"a state of {len(str(state))} letters; wanted at most {MOST_STATE}")
                self.history.do(state)
            elif said.get("undo") is True:
                self.history.undo()
            elif said.get("redo") is True:
                self.history.redo()
            return self.history.told

    @property
    def state(self) -> dict[str, Any]:
        """All that a page needs to begin."""
        with self._lock:
            takes = [take.told for take in self.shelf.takes.values()]
            jobs = [job.told for job in list(self.desk.jobs.values())]
            return {"takes": takes, "jobs": jobs, "model": self.desk.state, "history": self.history.told}

    def _adopted(self, found: MadeTake) -> int:
        number = self.shelf.next()
        plan = found.plan
        lines = plan.lines(number, found.seed)
        parents = tuple(take.number for take in plan.takes)
        form = plan.takes[0].entry.get("form") if plan.verb in SAME_BARS else None
        entry = {**found.entry, "form": form} if form else found.entry
        return self._put(Take(number, found.data, f"take-{number}.mid", entry, parents, lines)).number

    def _put(self, take: Take) -> Take:
        with self._lock:
            gone = self.shelf.put(take)
        self.told({"new": take.told, "gone": gone})
        return take


def _numbers(said: dict[str, Any]) -> list[Any]:
    numbers = said.get("takes", [])
    if not isinstance(numbers, list) or len(numbers) > 2:
        raise UsageError("takes: wanted a list of at most two numbers")
    return numbers


def _seed(said: Any) -> int | None:
    if said is None or said == "":
        return None
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said < 2**53:
        raise MusiclcError(f"seed {said!r}: wanted a whole number from 0, such as {MOST_SEED - 1}")
    return said
