"""Whether files are what a manifest says: there, with the bytes recorded, and measured by the rules as it says.

Inside: `Finding`, `verified`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musiclc.errors import MusiclcError
from musiclc.midi import read_song
from musiclc.midi.room import room_of
from musiclc.output.manifest import Entry, constraints_in, read_manifest, read_within
from musiclc.rules import RULES, parse_constraint, score
from musiclc.rules.base import Constraint

MEASURED = ("value", "score", "satisfied")  # what a verdict says of the notes


@dataclass(frozen=True)
class Finding:
    """What was found of one file. wrong: what is not as the manifest says; unknown: rules that could not be measured."""

    file: str
    wrong: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def verified(manifest: Path, own: Mapping[str, Constraint]) -> Iterator[Finding]:
    """A finding for each entry of a manifest, in order. own: rules that do not ship with musiclc, by name; verdicts on others are left alone.

    Raises InputError when the manifest cannot be read.
    """
    for entry in read_manifest(manifest):
        said = constraints_in(entry)
        known = [c for c in said if c["rule"] in RULES or c["rule"] in own]
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
    song = read_song(data, name=entry["file"], track=entry.get("track", "auto"))
    melody = room_of(song, entry["bars"], entry["file"]).melody if isinstance(entry.get("bars"), str) else song.melody
    now = json.loads(json.dumps(score(melody, [_constraint(c, own) for c in said])))
    return [
        f"{c['rule']} {c['goal']}: {what} {c[what]}, the manifest has {then.get(what)}"
        for c, then in zip(now, said, strict=True)
        for what in MEASURED
        if c[what] != then.get(what)
    ]


def _constraint(said: Mapping[str, Any], own: Mapping[str, Constraint]) -> Constraint:
    """The constraint of a verdict."""
    if said["rule"] in RULES:
        return parse_constraint(said["rule"], str(said.get("goal")))
    constraint = own[said["rule"]]
    return replace(constraint, goal=constraint.rule.parse(str(said.get("goal"))))
