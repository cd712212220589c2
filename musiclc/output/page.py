"""The report page: one HTML file that shows, sorts and plays all melodies of a run, without a network.

The table is plain HTML, readable without its script; notes lie beside it as JSON, and page.js draws a roll when it comes
into view. Names in a manifest are not trusted: page.html is a Jinja template with autoescape on, which marks nothing as safe but
page.css, page.js and JSON made fit for a script element, and the page's own policy lets no script run but page.js.

Inside: `report_page`.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from musiclc.errors import MusiclcError
from musiclc.midi.performance import Sheet
from musiclc.music.form import bars_of
from musiclc.output.manifest import Entry, constraints_in, form_in

MOST_NOTES = 2000  # of one file: what the page shows and plays of longer ones is their beginning


def report_page(entries: Sequence[Entry], read: Callable[[Entry], bytes], title: str) -> bytes:
    """The page of the manifest's entries. read: gives the bytes of an entry's MIDI file; a MusiclcError from it becomes the row's text."""
    rules = list(dict.fromkeys(_column(c) for e in entries for c in constraints_in(e)))
    jobs = any("job" in e for e in entries)
    played = [_notes(entry, read) for entry in entries]
    parts = {
        "title": title,
        "summary": _summary(entries),
        "jobs": jobs,
        "columns": [*(["job"] if jobs else []), "file", "met", *rules, "realism", "seed", "notes"],
        "rows": [_row(entry, rules, error) for entry, (_, error) in zip(entries, played, strict=True)],
        "notes": [notes for notes, _ in played],
    }
    return _filled(parts).encode("utf-8", "replace")  # lone surrogates, of file names that are no UTF-8, become question marks


def _filled(parts: dict[str, Any]) -> str:
    """page.html with these parts, page.css and page.js in it."""
    import jinja2
    from markupsafe import Markup

    loader = jinja2.PackageLoader("musiclc.output", "")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, finalize=_shown, trim_blocks=True, keep_trailing_newline=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    for name, file in (("style", "page.css"), ("script", "page.js")):
        own, *_ = loader.get_source(environment, file)
        parts |= {name: Markup(own), f"{name}_hash": _hash(own)}
    return environment.get_template("page.html").render(parts)


def _shown(value: Any) -> Any:
    """What the template writes for a value: nothing for None."""
    return "" if value is None else value


def _hash(text: str) -> str:
    """A script's or style's name in a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _summary(entries: Sequence[Entry]) -> str:
    asked = [e for e in entries if constraints_in(e)]
    met = sum(bool(e.get("satisfied")) for e in asked)
    files = f"{len(entries):,} file{'' if len(entries) == 1 else 's'}"
    models = sorted({str(e["model"]) for e in entries if e.get("model")})
    parts = [files, *([f"{met:,} of {len(asked):,} meet every goal"] if asked else []), *([f"model {', '.join(models)}"] if models else [])]
    return " · ".join(parts)


# ---- the table -----------------------------------------------------------------------------------------------------


class _Reached(NamedTuple):
    """What a constraint reached: its value as shown and as its column sorts, whether that meets the goal, and the goal."""

    shown: Any
    sort: Any
    met: bool
    goal: Any


@dataclass(frozen=True)
class _FileRow:
    """One file, as page.html reads it. met: None where nothing was asked; find: what is searched; verdicts: one a rule of the page, None
    where it was not asked; error: why the file cannot be played, or "".
    """

    file: str
    job: Any
    met: bool | None
    verdicts: list[_Reached | None]
    realism: Any
    seed: Any
    notes: Any
    error: str
    find: str


def _row(entry: Entry, rules: list[str], error: str) -> _FileRow:
    asked = {_column(c): _reached(c) for c in reversed(constraints_in(entry))}
    return _FileRow(
        file=str(entry.get("file", "")),
        job=entry.get("job"),
        met=bool(entry.get("satisfied")) if asked else None,
        verdicts=[asked.get(rule) for rule in rules],
        **{name: entry.get(name) for name in ("realism", "seed", "notes")},
        error=error,
        find=" ".join(str(entry.get(name, "")) for name in ("file", "job", "seed")),
    )


def _column(constraint: dict[str, Any]) -> str:
    """The heading under which a verdict stands: its rule, or its section and rule."""
    return f"{constraint['section']}: {constraint['rule']}" if "section" in constraint else str(constraint["rule"])


def _reached(constraint: dict[str, Any]) -> _Reached:
    """A manifest's verdict. A value of two numbers (a range) sorts by its lower one."""
    value, met, goal = constraint.get("value"), bool(constraint.get("satisfied")), constraint.get("goal")
    if isinstance(value, list):
        return _Reached("–".join(map(str, value)), value[0] if value else "", met, goal)
    return _Reached(f"{value:.4g}" if isinstance(value, float) else value, value, met, goal)


# ---- the notes -----------------------------------------------------------------------------------------------------


def _notes(entry: Entry, read: Callable[[Entry], bytes]) -> tuple[dict[str, Any], str]:
    """An entry's notes as page.js reads them, and what went wrong, or ""."""
    from musiclc.midi import read_notes

    try:
        sheet = read_notes(str(entry.get("file", "")), read(entry))
    except MusiclcError as error:
        return {"n": [], "bars": [], "ms": 1}, str(error)
    return _compact(sheet) | _sections(entry, sheet), ""


def _sections(entry: Entry, sheet: Sheet) -> dict[str, Any]:
    """Where each section of the entry's form begins (ms), and its name; nothing where it has none, or more bars than the file."""
    form = form_in(entry)
    if not form or bars_of(form) >= len(sheet.bars):
        return {}
    return {"sections": [[round(sheet.bars[s.first] * 1000), s.name] for s in form]}


def _compact(sheet: Sheet) -> dict[str, Any]:
    """Numbers by five, in order of time: start, length (ms), pitch, velocity, track (-1: drums); bar lines and the whole in ms."""
    sounds = sorted(sheet.notes, key=lambda n: (n.start, n.track, n.pitch))
    shown = sounds[:MOST_NOTES]
    seconds = sheet.seconds if len(sounds) == len(shown) else max(n.end for n in shown)
    flat = [v for n in shown for v in (round(n.start * 1000), round((n.end - n.start) * 1000), n.pitch, n.velocity, -1 if n.is_drum else n.track)]
    bars = [round(b * 1000) for b in sheet.bars if b <= seconds]
    return {"n": flat, "bars": bars[:: 1 + len(bars) // 64], "ms": max(1, round(seconds * 1000))}
