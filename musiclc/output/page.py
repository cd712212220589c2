"""The report page: one HTML file that shows, sorts and plays all melodies of a run, without a network.

The table is plain HTML, readable without its script; notes lie beside it as JSON, and page.js draws a roll when it comes
into view. Names in a manifest are not trusted: all text is escaped, and the page's own policy lets no script run but page.js.

Inside: `report_page`.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from musiclc.errors import MusiclcError
from musiclc.midi.performance import Sheet

MOST_NOTES = 2000  # of one file: what the page shows and plays of longer ones is their beginning
Entry = dict[str, Any]


def report_page(entries: Sequence[Entry], read: Callable[[Entry], bytes], title: str) -> bytes:
    """The page of the manifest's entries. read: gives the bytes of an entry's MIDI file; a MusiclcError from it becomes the row's text."""
    rules = list(dict.fromkeys(c["rule"] for e in entries for c in _constraints(e)))
    jobs = any("job" in e for e in entries)
    rows, notes = [], []
    for number, entry in enumerate(entries):
        played, error = _notes(entry, read)
        rows.append(_row(number, entry, rules, jobs, error))
        notes.append(played)
    style, script = _own("page.css"), _own("page.js")
    parts = {
        "title": _text(title),
        "style-hash": _hash(style),
        "script-hash": _hash(script),
        "style": style,
        "script": script,
        "summary": _text(_summary(entries)),
        "head": _head(rules, jobs),
        "body": "\n".join(rows),
        "notes": _json(notes),
    }
    return _filled(_own("page.html"), parts).encode()


def _own(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with each {{name}} replaced, in one pass: what is put in is never searched for further names."""
    first, *rest = template.split("{{")
    return first + "".join(parts[name] + after for name, after in (piece.split("}}", 1) for piece in rest))


def _hash(text: str) -> str:
    """A script's or style's name in a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ---- safe text -----------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """Any value as HTML text or attribute. Lone surrogates, of file names that are no UTF-8, become question marks."""
    return escape(str(value).encode("utf-8", "replace").decode())


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _constraints(entry: Entry) -> list[dict[str, Any]]:
    found = entry.get("constraints")
    return [c for c in found if isinstance(c, dict) and isinstance(c.get("rule"), str)] if isinstance(found, list) else []


# ---- the table -----------------------------------------------------------------------------------------------------


def _summary(entries: Sequence[Entry]) -> str:
    asked = [e for e in entries if _constraints(e)]
    met = sum(bool(e.get("satisfied")) for e in asked)
    files = f"{len(entries):,} file{'' if len(entries) == 1 else 's'}"
    models = sorted({str(e["model"]) for e in entries if e.get("model")})
    parts = [files, *([f"{met:,} of {len(asked):,} meet every goal"] if asked else []), *([f"model {', '.join(models)}"] if models else [])]
    return " · ".join(parts)


def _head(rules: list[str], jobs: bool) -> str:
    names = [*(["job"] if jobs else []), "file", "met", *rules, "realism", "seed", "notes"]
    cells = "".join(f'<th scope="col"><button type="button">{_text(name)}</button></th>' for name in names)
    return f'<tr><th scope="col"><span>play</span></th>{cells}<th scope="col"><span>piano roll</span></th></tr>'


def _row(number: int, entry: Entry, rules: list[str], jobs: bool, error: str) -> str:
    """One file. data-v of a cell is what it sorts by, data-find of the row what is searched."""
    file, asked = entry.get("file", ""), {c["rule"]: c for c in reversed(_constraints(entry))}
    met = "" if not asked else "yes" if entry.get("satisfied") else "no"
    play = f'<button type="button" class="play" aria-pressed="false" aria-label="Play {_text(file)}">▶</button>'
    cells = [
        f"<td>{'' if error else play}</td>",
        *([_cell(entry.get("job", ""))] if jobs else []),
        f'<td class="file" data-v="{_text(file)}">{_text(file)}</td>',
        f'<td data-v="{ {"": "", "yes": 1, "no": 0}[met] }">{_mark(met == "yes") if met else ""}</td>',
        *(_verdict(asked.get(rule)) for rule in rules),
        *(_cell(entry.get(name)) for name in ("realism", "seed", "notes")),
        f'<td class="roll{" error" if error else ""}">{_text(error)}</td>',
    ]
    find = " ".join(str(entry.get(k, "")) for k in ("file", "job", "seed"))
    return f'<tr data-row="{number}" data-met="{met}" data-file="{_text(file)}" data-find="{_text(find)}">{"".join(cells)}</tr>'


def _cell(value: Any) -> str:
    shown = "" if value is None else value
    return f'<td class="gaussian" data-v="{_text(shown)}">{_text(shown)}</td>'


def _mark(met: bool) -> str:
    return '<span class="met">✓ met</span>' if met else '<span class="unmet">✗ not met</span>'


def _verdict(constraint: dict[str, Any] | None) -> str:
    """What a constraint reached, its mark, and beneath it the goal."""
    if constraint is None:
        return '<td data-v=""></td>'
    value, met = constraint.get("value"), bool(constraint.get("satisfied"))
    low_high = isinstance(value, list)
    shown = "–".join(map(str, value)) if isinstance(value, list) else f"{value:.4g}" if isinstance(value, float) else value
    sort = value[0] if low_high and value else "" if value is None or low_high else value
    sign = '<span class="met" title="met">✓</span>' if met else '<span class="unmet" title="not met">✗</span>'
    goal = _text(constraint.get("goal", ""))
    return f'<td class="gaussian" data-v="{_text(sort)}">{sign} {_text(shown)}<span class="goal" title="{goal}">{goal}</span></td>'


# ---- the notes -----------------------------------------------------------------------------------------------------


def _notes(entry: Entry, read: Callable[[Entry], bytes]) -> tuple[dict[str, Any], str]:
    """An entry's notes as page.js reads them, and what went wrong, or ""."""
    from musiclc.midi import read_notes

    try:
        return _compact(read_notes(str(entry.get("file", "")), read(entry))), ""
    except MusiclcError as error:
        return {"n": [], "bars": [], "ms": 1}, str(error)


def _compact(sheet: Sheet) -> dict[str, Any]:
    """Numbers by five, in order of time: start, length (ms), pitch, velocity, track (-1: drums); bar lines and the whole in ms."""
    sounds = sorted(sheet.notes, key=lambda n: (n.start, n.track, n.pitch))
    shown = sounds[:MOST_NOTES]
    seconds = sheet.seconds if len(sounds) == len(shown) else max(n.end for n in shown)
    flat = [v for n in shown for v in (round(n.start * 1000), round((n.end - n.start) * 1000), n.pitch, n.velocity, -1 if n.is_drum else n.track)]
    bars = [round(b * 1000) for b in sheet.bars if b <= seconds]
    return {"n": flat, "bars": bars[:: 1 + len(bars) // 64], "ms": max(1, round(seconds * 1000))}
