"""Whether files are what a manifest says: there, with the bytes recorded, and measured by the rules as it says.

Inside: `Finding`, `verified`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musiclc.editing.piece import Piece
from musiclc.editing.transform import piece_of
from musiclc.errors import InputError, MusiclcError
from musiclc.midi import read_song
from musiclc.output.manifest import Entry, read_manifest, read_within
from musiclc.rules import RULES, parse_constraint, settled
from musiclc.rules.base import Constraint

MEASURED = ("value", "score", "satisfied")  # what a verdict says of the notes


@dataclass(frozen=True)
class Finding:
    """What was found of one file. wrong: a line for each thing that is not as the manifest says; unknown: rules that could not be measured."""

    file: str
    wrong: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def verified(manifest: Path, own: Mapping[str, Constraint]) -> Iterator[Finding]:
    """A finding for each entry of a manifest, in order. own: rules that do not ship with musiclc, by name; verdicts on others are left alone.

    Raises InputError when the manifest cannot be read.
    """
    for entry in read_manifest(manifest):
        path = str(manifest.parent / entry["file"])
        try:
            data = read_within(manifest.parent, entry)
            wrong = _other_bytes(entry, data)
            asked = {c["rule"]: c for c in entry.get("constraints", ())}
            known = [name for name in asked if name in RULES or name in own]
            if not wrong:
                wrong = _other_verdicts(entry, data, [_constraint(asked[name], own) for name in known])
            yield Finding(path, tuple(f"{path}: {said}" for said in wrong), tuple(asked.keys() - known))
        except MusiclcError as error:
            yield Finding(path, (str(error),))


def _other_bytes(entry: Entry, data: bytes) -> list[str]:
    now = hashlib.sha256(data).hexdigest()
    return [] if now == entry.get("sha256") else [f"other bytes (sha256 {now[:12]}…, the manifest has {str(entry.get('sha256'))[:12]}…)"]


def _constraint(said: Mapping[str, Any], own: Mapping[str, Constraint]) -> Constraint:
    """The constraint of a verdict."""
    if said["rule"] in RULES:
        return replace(parse_constraint(said["rule"], said["goal"]), weight=said.get("weight", 1.0))
    rule = own[said["rule"]].rule
    return Constraint(rule, rule.parse(said["goal"]), said.get("weight", 1.0))


def _other_verdicts(entry: Entry, data: bytes, constraints: list[Constraint]) -> list[str]:
    """A line for each constraint that the rules now measure otherwise."""
    said = {c["rule"]: c for c in entry.get("constraints", ())}
    if not constraints or not entry.get("notes", 1):  # no file without notes can be read
        return []
    piece = _piece(entry, data)
    now = [c.verdict(piece.measure(c, piece.state[None])[0]) for c in settled(constraints)]
    now = json.loads(json.dumps(now))
    return [
        f"{c['rule']} {c['goal']}: {what} {c[what]}, the manifest has {said[c['rule']].get(what)}"
        for c in now
        for what in MEASURED
        if c[what] != said[c["rule"]].get(what)
    ]


def _piece(entry: Entry, data: bytes) -> Piece:
    """The melody of a file, of the track that the entry names."""
    try:
        return piece_of(read_song(data, name=entry["file"], track=entry.get("track", "auto")))
    except InputError as error:
        raise InputError(f"{error}, the manifest says {entry.get('notes')} notes") from error
