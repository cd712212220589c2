"""Rules that their goals make: a motif that shall occur, music that shall not be copied, an example to be like, what is drawn (drawn.py).

A goal names its files: `hook.mid:transposed>=2`, `old/:6`, `a.mid:rhythm`. They are read when the goal is; paths are as on the command line, from
the current folder. What is measured stands in rules/motifs.py and rules/alike.py. Such a rule is judged, without a critic.

Inside: `EXAMPLES`, `parse_goal`, `parse_constraints`, `score`, `files_of`.
"""

import logging
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musiclc import rules
from musiclc.custom.drawn import DRAWN
from musiclc.errors import InputError, UsageError
from musiclc.music.melody import Melody
from musiclc.rules import split_weight
from musiclc.rules.alike import ABOUT_LIKE, ASPECTS, TOLERANCE, Exemplar, alike_rule
from musiclc.rules.base import Constraint, Rule
from musiclc.rules.goals import Goal, interval
from musiclc.rules.motifs import ABOUT_AVOID, ABOUT_MOTIF, FORMS, Motif, avoid_rule, motif_rule

log = logging.getLogger("musiclc")

SHARED_NOTES = 8  # in a row, from which on a melody is taken for a copy
ALIKE = ">=0.9"  # where no goal is given
LIKE_ALL = "0.6..0.9"  # where no aspect is, either: alike as a section is that returns varied
_MOTIF = re.compile(r"(?P<file>.+?\.midi?)(?::(?P<form>[A-Za-z]\w*))?\s*(?::|=(?!=))?(?P<goal>.*)", re.IGNORECASE)
_AVOID = re.compile(r"(?P<file>.+):\s*(?P<notes>\d+)\s*")


@dataclass(frozen=True)
class FileRule:
    """A row of the table: of a rule that each goal makes anew. about … source, tolerance: as Rule has them.

    made: a goal's text → the rule that its files make; file: → what names them, None where a goal needs none (drawn.py). Both raise UsageError;
    made also InputError.
    """

    name: str
    about: str
    unit: str
    span: str
    goals: str
    source: str
    made: Callable[[str], Rule]
    metavar: str
    file: Callable[[str], str] | None = None
    tolerance: float | None = None
    family: str = "gaussian"


def parse_goal(name: str, goal: str) -> Constraint:
    """As rules.parse_constraint, for rules of both tables. Raises InputError, too, for files that cannot be read."""
    if name not in EXAMPLES:
        return rules.parse_constraint(name, goal)
    text, weight = split_weight(goal)
    rule = EXAMPLES[name].made(text.strip())
    return Constraint(rule, rule.parse(text.strip()), weight)


def parse_constraints(given: Mapping[str, Any] | Sequence[Constraint] | None) -> list[Constraint]:
    """As rules.parse_constraints, for rules of both tables; the goal of a rule that files make may be a list of such."""
    if not isinstance(given, Mapping):
        return rules.parse_constraints(given)
    pairs = [(name, goal) for name, each in given.items() for goal in (each if isinstance(each, list | tuple) else [each])]
    return rules.settled([parse_goal(name, str(goal)) for name, goal in pairs])


def score(melody: Melody, constraints: Mapping[str, Any] | Sequence[Constraint] | None = None) -> list[dict[str, Any]]:
    """What each rule measures: verdicts on the constraints, or, without any, every shipped rule's value that needs no file."""
    return rules.score(melody, parse_constraints(constraints))


def files_of(rule: str) -> list[str]:
    """The file or folder that NAME=GOAL names, where the rule is one of EXAMPLES."""
    name, _, goal = rule.partition("=")
    known = EXAMPLES.get(name.strip())
    return [known.file(split_weight(goal)[0].strip())] if known and known.file else []


# ---- motif ---------------------------------------------------------------------------------------------------------


def _motif_parts(text: str) -> tuple[str, str, str]:
    return _parts("motif", text, FORMS, "such as hook.mid, 'hook.mid:transposed>=2' or hook.mid:inverted")


def _parts(name: str, text: str, words: Sequence[str], such: str) -> tuple[str, str, str]:
    """File, word and goal of "hook.mid:transposed>=2"; the first of the words and "" where they are not said. Raises UsageError."""
    if os.path.isfile(text):
        return text, words[0], ""
    match = _MOTIF.fullmatch(text)
    if match is None:
        raise UsageError(f"{name} {text!r}: wanted a MIDI file, {such}")
    word = (match["form"] or words[0]).lower()
    if word not in words:
        raise UsageError(f"{name} {text!r}: {word}: wanted one of {', '.join(words)}")
    return match["file"], word, match["goal"].strip()


def _motif_goal(text: str) -> Goal:
    goal = _motif_parts(text)[2] or ">=1"
    low, high = interval(goal, 0.0, "motif")
    bare = low == high and ".." not in goal
    return Goal(text, (low,), (math.inf if bare else high,))


def _motif(text: str) -> Rule:
    _motif_goal(text)  # a slip there is said before the file is read
    file, form, _ = _motif_parts(text)
    try:
        return motif_rule(Motif(_read("motif", file), form), _motif_goal)
    except UsageError as error:
        raise UsageError(f"motif {file}: {error}") from error


# ---- like ----------------------------------------------------------------------------------------------------------


def _like_parts(text: str) -> tuple[str, str, str]:
    return _parts("like", text, ASPECTS, "such as a.mid, a.mid:rhythm or 'a.mid:pitches>=0.8'")


def _like_goal(text: str) -> Goal:
    _, aspect, goal = _like_parts(text)
    low, high = interval(goal or (LIKE_ALL if aspect == ASPECTS[0] else ALIKE), TOLERANCE, "like")
    if low > 1 or high < 0:
        raise UsageError(f"like {text!r}: a share lies between 0 and 1, such as >=0.8")
    return Goal(text, (low,), (high,))


def _like(text: str) -> Rule:
    goal, (file, aspect, _) = _like_goal(text), _like_parts(text)
    try:
        return alike_rule(Exemplar(_read("like", file), aspect), _like_goal, goal)
    except UsageError as error:
        raise UsageError(f"like {file}:{aspect}: {error}") from error


# ---- avoid ---------------------------------------------------------------------------------------------------------


def _avoid_parts(text: str) -> tuple[str, int]:
    """File or folder of "old/:6", and from how many shared notes on a melody is refused. Raises UsageError."""
    match = None if os.path.exists(text) else _AVOID.fullmatch(text)
    file, notes = (match["file"], int(match["notes"])) if match else (text, SHARED_NOTES)
    if not file or notes < 2:
        raise UsageError(f"avoid {text!r}: wanted a MIDI file or a folder, and 2 notes or more, such as old/:{SHARED_NOTES}")
    return file, notes


def _avoid_goal(text: str) -> Goal:
    return Goal(text, (-math.inf, -math.inf), (_avoid_parts(text)[1] - 1.0, math.inf))


def _avoid(text: str) -> Rule:
    file, notes = _avoid_parts(text)
    return avoid_rule(_below(file) if os.path.isdir(file) else [_read("avoid", file)], notes - 1, _avoid_goal)


def _below(folder: str) -> list[Melody]:
    """The melodies of a folder's MIDI files and of those below it; a file without one is named and left out. Raises InputError where none is left."""
    from musiclc.midi.inputs import expand

    found, errors = expand([folder], recursive=True)
    melodies = []
    for each in found:
        try:
            melodies.append(_read("avoid", str(each.source)))
        except InputError as error:
            errors.append(error)
    if not melodies:
        raise errors[0]
    for left_out in errors:
        log.warning("%s; left out", left_out)
    return melodies


def _read(name: str, file: str) -> Melody:
    """The melody of a rule's file. Raises InputError where there is none."""
    from musiclc.midi import read_melody

    try:
        return read_melody(file, name=file)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


EXAMPLES: dict[str, FileRule] = {
    "motif": FileRule(**ABOUT_MOTIF, made=_motif, file=lambda text: _motif_parts(text)[0], metavar="FILE[:FORM][>=N]"),
    "avoid": FileRule(**ABOUT_AVOID, made=_avoid, file=lambda text: _avoid_parts(text)[0], metavar="FILE|DIR[:N]"),
    "like": FileRule(**ABOUT_LIKE, made=_like, file=lambda text: _like_parts(text)[0], metavar="FILE[:ASPECT][>=N]"),
    **{name: FileRule(**about, made=made, metavar=metavar) for name, (about, made, metavar) in DRAWN.items()},
}
