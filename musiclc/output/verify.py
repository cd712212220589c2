"""Whether files are what a manifest says: there, with the bytes recorded, and measured by the rules as it says.

Inside: `Finding`, `verified`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musiclc.errors import MusiclcError
from musiclc.midi import READ_IN_PHRASES, read_song
from musiclc.midi.room import room_of
from musiclc.midi.section import READ_AS, whole
from musiclc.music import tokens as tok
from musiclc.music.form import bars_of
from musiclc.music.melody import Melody
from musiclc.output.manifest import Entry, constraints_in, form_in, read_manifest, read_within
from musiclc.rules import RULES, parse_constraint, score
from musiclc.rules.base import Constraint
from musiclc.rules.sections import SectionGoals, placed, section_verdicts

MEASURED = ("value", "heard", "score", "satisfied")  # what a verdict says of the notes
EDITS = ("transform", "vary", "interpolate")  # whose verdicts are on bars as the editor reads them


@dataclass(frozen=True)
class Finding:
    """What was found of one file. wrong: what is not as the manifest says; unknown: rules that could not be measured."""

    file: str
    wrong: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def verified(manifest: Path, own: Mapping[str, Constraint]) -> Iterator[Finding]:
    """A finding for each entry of a manifest, in order. own: rules that do not ship with musiclc by name, those that files make by "RULE GOAL";
    verdicts on others are left alone.

    Raises InputError when the manifest cannot be read.
    """
    for entry in read_manifest(manifest):
        said = constraints_in(entry)
        known = [c for c in said if c["rule"] in RULES or _own(c, own)]
        try:
            data = read_within(manifest.parent, entry)
            wrong = _other_bytes(entry, data) or _other_verdicts(entry, data, known, own)
        except MusiclcError as error:
            wrong = [str(error)]
        yield Finding(str(manifest.parent / entry["file"]), tuple(wrong), tuple(c["rule"] for c in said if c not in known))


def _other_bytes(entry: Entry, data: bytes) -> list[str]:
    now, then = hashlib.sha256(data).hexdigest(), str(entry.get("sha256"))
    return [] if now == then else [f"other bytes: sha256 {now[:12]}…, the manifest has {then[:12]}…"]


def _other_verdicts(entry: Entry, data: bytes, said: list[dict[str, Any]], own: Mapping[str, Constraint]) -> list[str]:
    """A line for each thing that a rule now measures otherwise."""
    if not said or not entry.get("notes", 1):  # a file without notes is not to be read
        return []
    reading = READ_IN_PHRASES if entry.get("command") in EDITS else READ_AS
    song = read_song(data, name=entry["file"], track=entry.get("track", "auto"), read_as=reading, meter=str(entry.get("read_in", "")))
    bars = _bars_alone(entry, said)
    if bars is not None:
        now = json.loads(json.dumps(_verdicts(whole(song.cut(*bars)[0]), entry, [{**c, "section": ""} for c in said], own)))
    else:
        melody = room_of(song, entry["bars"], entry["file"]).melody if isinstance(entry.get("bars"), str) else song.melody
        now = json.loads(json.dumps(_verdicts(melody, entry, said, own)))
    return [
        f"{_section(c)}{c['rule']} {c['goal']}: {what} {c.get(what)}, the manifest has {then.get(what)}"
        for c, then in zip(now, said, strict=True)
        for what in MEASURED
        if c.get(what) != then.get(what)
    ]


def _bars_alone(entry: Entry, said: list[dict[str, Any]]) -> tuple[int, int] | None:
    """First and last of the only bars that an edit was about, as its verdicts name them; None where it was about the whole."""
    bars = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", str(said[0].get("section", ""))) if entry.get("command") in EDITS else None
    return (int(bars[1]), int(bars[2])) if bars else None


def _section(verdict: dict[str, Any]) -> str:
    """What names the section that a verdict is on; nothing for one on the whole."""
    return f"section {verdict['section']}: " if "section" in verdict else ""


def _verdicts(melody: Melody, entry: Entry, said: list[dict[str, Any]], own: Mapping[str, Constraint]) -> list[dict[str, Any]]:
    """The verdicts that a melody gets now, in the order of those said: on the whole of it, and on its sections. Raises MusiclcError."""
    named = [(str(c.get("section", "")), _constraint(c, own)) for c in said]
    whole, parts = [c for name, c in named if not name], [SectionGoals(name, (c,)) for name, c in named if name]
    found = {"": iter(score(melody, whole) if whole else ())}
    if parts:
        form = form_in(entry)
        if melody.bars < bars_of(form):
            raise MusiclcError(f"{melody.bars} bars, and the manifest's form has {bars_of(form)}")
        sections = placed(parts, whole, form, melody.bars)
        found |= {s.name: iter(section_verdicts([s], tok.from_melody(melody), melody.meter)) for s in sections}
    return [next(found[name]) for name, _ in named]


def _constraint(said: Mapping[str, Any], own: Mapping[str, Constraint]) -> Constraint:
    """The constraint of a verdict."""
    if said["rule"] in RULES:
        return parse_constraint(said["rule"], str(said.get("goal")))
    constraint = _own(said, own)
    assert constraint is not None
    return replace(constraint, goal=constraint.rule.parse(str(said.get("goal"))))


def _own(said: Mapping[str, Any], own: Mapping[str, Constraint]) -> Constraint | None:
    """The constraint among those given that a verdict is about, if there is one."""
    return own.get(said["rule"]) or own.get(f"{said['rule']} {said.get('goal')}")
