"""Takes: MIDI files in memory, each with how it was made; and the shelf that holds them.

Inside: `Take`, `Shelf`, `MOST_BYTES`.
"""

from dataclasses import dataclass, field
from typing import Any

from musiclc.errors import MusiclcError

MOST_BYTES = 64 * 1024 * 1024  # of all takes' MIDI files
MOST_TAKES = 4000
TOLD = ("seed", "satisfied", "realism", "warnings", "bars", "form", "kept", "method")  # of a manifest's entry, to the page


@dataclass
class Take:
    """One take. number: from 1, never given twice; data: its MIDI file; file: what command lines call it; entry: as a manifest has it, {} for
    a file that was opened. parents: numbers of the takes that it was made from; lines: the command lines that make it, in order.
    """

    number: int
    data: bytes
    file: str
    entry: dict[str, Any] = field(default_factory=dict)
    parents: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()
    star: bool = False

    @property
    def command(self) -> str:
        """What to type to make it again, byte for byte; "" for a file that was opened."""
        return " && \\\n".join(self.lines)

    @property
    def told(self) -> dict[str, Any]:
        """What the page is told of it, its notes aside."""
        entry = self.entry
        made: dict[str, Any] = {
            name: entry[name] for name in ("seed", "satisfied", "realism", "warnings", "bars", "form", "kept", "method") if name in entry
        }
        name = self.file if not entry else f"take {self.number}"
        return {
            "take": self.number,
            "name": name,
            "verb": entry.get("command", "open"),
            "star": self.star,
            "parents": list(self.parents),
            "command": self.command,
            "verdicts": entry.get("constraints", []),
            **made,
        }


class Shelf:
    """All takes by number. Where they are too many, the oldest without a star go first: their command lines make them again."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_takes: int = MOST_TAKES) -> None:
        self.most_bytes, self.most_takes = most_bytes, most_takes
        self.takes: dict[int, Take] = {}
        self.last = 0

    def next(self) -> int:
        """A number that no take has had."""
        self.last += 1
        return self.last

    def put(self, take: Take) -> list[int]:
        """Take it in; the numbers of those that had to go for it. Raises MusiclcError where there is no room even so."""
        gone = []
        for number, old in list(self.takes.items()):
            if not self._full(len(take.data)):
                break
            if not old.star:
                del self.takes[number]
                gone.append(number)
        if self._full(len(take.data)):
            raise MusiclcError(f"{len(self.takes)} takes with a star fill the memory set aside for takes; wanted some without one")
        self.takes[take.number] = take
        return gone

    def of(self, number: Any) -> Take:
        """The take of that number. Raises MusiclcError."""
        found = self.takes.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
        if found is None:
            raise MusiclcError(f"take {number!r}: not there (any more); its command line makes it again")
        return found

    def _full(self, more: int) -> bool:
        return len(self.takes) >= self.most_takes or sum(len(t.data) for t in self.takes.values()) + more > self.most_bytes
