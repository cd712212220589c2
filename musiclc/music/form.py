"""The form of a piece: its sections in order, as "A8 A'8 B8 A'8" says them.

A letter names a section and a number says how many bars it has; the same letter returns as it was, a letter with primes (A', A'') returns
varied. Bars are counted from 0 here, and from 1 in what people write.

Inside: `Section`, `Form`, `parse_form`, `form_text`, `bars_of`, `section_name`, `windows_of`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from musiclc.errors import UsageError

MOST_BARS = 128  # of a piece
SECTION_BARS = 8  # of a section whose bars nobody says
_EXAMPLE = "\"A8 A'8 B8 A'8\""
_PRIMES = str.maketrans({"’": "'", "‘": "'", "′": "'", "`": "'", '"': "''", "″": "''"})
_SECTION = re.compile(r"([A-Za-z])('*)(\d{0,5})[\s,|]*")
_NAME = re.compile(r"([A-Za-z])('*)")
_BARS = re.compile(r"(\d{1,5})(?:\s*\.\.\s*(\d{1,5}))?")

Window = tuple[int, int]  # the first bar, from 0, and the bar after the last


@dataclass(frozen=True)
class Section:
    """One section of a form. letter: A to Z; primes: how often it is varied; first: its first bar, from 0; bars: how many it has."""

    letter: str
    primes: int
    first: int
    bars: int

    @property
    def name(self) -> str:
        """The letter with its primes, such as A'."""
        return self.letter + "'" * self.primes

    @property
    def after(self) -> int:
        """The bar after its last."""
        return self.first + self.bars


Form = tuple[Section, ...]  # in order, without gaps; () is none


def parse_form(text: str, bars: int | None = None) -> Form:
    """The form of a text such as "A8 A'8 B8 A'8"; blanks and commas may stand between sections, small letters mean capitals.

    A letter without a number has as many bars as that letter had before it, or as the first number says; where there is no number at all,
    the sections share out `bars` evenly, or have SECTION_BARS each. Raises UsageError: for what is no such text, for a section that returns
    with another number of bars (it is a varied one), for a varied section whose letter did not come before, for more than MOST_BARS bars.
    """
    parts = _parts(text)
    counts = _counts(text, parts, bars)
    form = tuple(Section(letter.upper(), len(primes), sum(counts[:place]), counts[place]) for place, (letter, primes, _) in enumerate(parts))
    for place, section in enumerate(form):
        _check_return(section, form[:place])
    if bars_of(form) > MOST_BARS:
        raise UsageError(f"form {text!r}: adds up to {bars_of(form)} bars; wanted at most {MOST_BARS}")
    return form


def _parts(text: str) -> list[tuple[str, str, str]]:
    """(letter, primes, number or "") of each section. Raises UsageError."""
    rest, parts = text.translate(_PRIMES).strip(), []
    while match := _SECTION.match(rest):
        parts.append((match[1], match[2], match[3]))
        rest = rest[match.end() :]
    if rest or not parts:
        found = f"{rest[:20]!r} is no section; " if rest else ""
        raise UsageError(f"form {text!r}: {found}wanted letters with their bars, such as {_EXAMPLE}")
    if any(int(number) == 0 for *_, number in parts if number):
        raise UsageError(f"form {text!r}: a section of 0 bars; wanted 1 or more")
    return parts


def _counts(text: str, parts: Sequence[tuple[str, str, str]], bars: int | None) -> list[int]:
    """The bars of each section."""
    said = [int(number) for *_, number in parts if number]
    if not said:
        if bars is not None and bars % len(parts):
            raise UsageError(f"form {text!r}: {bars} bars cannot be shared out evenly among {len(parts)} sections; say their bars, as in {_EXAMPLE}")
        return [bars // len(parts) if bars else SECTION_BARS] * len(parts)
    counts: list[int] = []
    of_letter: dict[str, int] = {}
    for letter, _, number in parts:
        counts.append(int(number) if number else of_letter.get(letter.upper(), said[0]))
        of_letter.setdefault(letter.upper(), counts[-1])
    return counts


def _check_return(section: Section, before: Form) -> None:
    """Raises UsageError when a section does not fit those before it."""
    same = next((s for s in before if s.name == section.name), section)
    if same.bars != section.bars:
        varied = f"{section.name}'{section.bars}"
        raise UsageError(f"form: {section.name} returns with {section.bars} bars, and had {same.bars}; a return that is varied is {varied}")
    if section.primes and not any(s.letter == section.letter and s.primes < section.primes for s in before):
        raise UsageError(f"form: {section.name} varies {section.letter}, which does not come before it; wanted {section.letter} first")


def bars_of(form: Form) -> int:
    """How many bars a form has."""
    return sum(section.bars for section in form)


def form_text(form: Form) -> str:
    """The form as `parse_form` reads it and manifests have it."""
    return " ".join(f"{section.name}{section.bars}" for section in form)


# ---- where a section's goals hold ----------------------------------------------------------------------------------


def section_name(text: str) -> str:
    """A section's name as manifests have it: a letter with its primes, or bars counted from 1, such as 9..16. Raises UsageError."""
    name = " ".join(text.translate(_PRIMES).split())
    if _NAME.fullmatch(name):
        return name.upper()
    if match := _BARS.fullmatch(name):
        return f"{int(match[1])}..{int(match[2])}" if match[2] else str(int(match[1]))
    slip = f"; did you mean {'..'.join(numbers)}?" if len(numbers := re.findall(r"\d+", name)) == 2 else ""
    raise UsageError(f"section {name!r}: wanted a letter of the form, such as B or A', or bars such as 9..16{slip}")


def windows_of(name: str, form: Form, bars: int) -> tuple[Window, ...]:
    """Where a section of that name is, in order: every section of a letter (A is A' too), of a letter with primes those alone; or bars.

    Raises UsageError for a letter that the form has not, and for bars outside of the piece.
    """
    if match := _BARS.fullmatch(name):
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last:
            raise UsageError(f"section {name}: wanted the first bar, from 1, and the last, such as {max(min(first, last), 1)}..{max(first, last, 1)}")
        if last > bars:
            raise UsageError(f"section {name}: the piece has {bars} bars; wanted bars from 1 to {bars}")
        return ((first - 1, last),)
    found = tuple((s.first, s.after) for s in form if name in (s.name, s.letter))
    if not found:
        raise UsageError(_unknown(name, form))
    return found


def _unknown(name: str, form: Form) -> str:
    if not form:
        return f"section {name}: the piece has no form; say --form, such as {_EXAMPLE}, or bars such as 9..16"
    known = list(dict.fromkeys(s.name for s in form))
    near = min(known, key=lambda other: (abs(ord(other[0]) - ord(name[0])), abs(len(other) - len(name))))
    return f"section {name}: the form {form_text(form)!r} has {', '.join(known)}; did you mean {near}?"
