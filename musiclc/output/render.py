"""MIDI files → piano rolls and sound: which files, under which names, and writing them whole.

Inside: `KINDS`, `plan`, `render`, `report`.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.files import write_whole
from musiclc.midi.performance import Sheet
from musiclc.music.form import Form
from musiclc.output import audio, drawing, pianoroll
from musiclc.output.manifest import MANIFEST, MIDI_SUFFIXES, form_in, line_of, read_manifest, read_within

log = logging.getLogger("musiclc")

# kind, which is the suffix of its files → what makes it of a sheet, the input's name and its form
KINDS: dict[str, Callable[[Sheet, str, Form], bytes]] = {
    "png": lambda sheet, name, form: drawing.png(pianoroll.roll(sheet, name, form)),
    "svg": lambda sheet, name, form: drawing.svg(pianoroll.roll(sheet, name, form)),
    "wav": lambda sheet, name, form: audio.wav(sheet.notes, name),
}


@dataclass(frozen=True)
class RenderPlan:
    """Which inputs become which files of one folder, checked before any work is done."""

    inputs: tuple[Path, ...]
    folder: Path
    kinds: tuple[str, ...]

    @property
    def leaves_manifest(self) -> bool:
        """Whether there are many files to tell of."""
        return len(self.inputs) * len(self.kinds) > 1

    def output(self, source: Path, kind: str) -> Path:
        """Where an input's file of a kind goes."""
        return self.folder / f"{source.stem}.{kind}"


def plan(given: Sequence[Path], folder: Path, kinds: Sequence[str], *, recursive: bool = False, overwrite: bool = False) -> RenderPlan:
    """The plan for files, and for the MIDI files of folders, with recursive those of folders within too.

    Raises InputError for a folder without MIDI files, UsageError when two inputs would get one name, MusiclcError for what exists already or
    for a package that is missing.
    """
    if "wav" in kinds:
        audio.check()
    made = RenderPlan(tuple(_inputs(given, recursive)), folder, tuple(kinds))
    seen: dict[str, Path] = {}
    for source in made.inputs:
        other = seen.setdefault(source.stem.casefold(), source)  # a folder on macOS or Windows does not tell A from a
        if other != source:
            raise UsageError(f"{other} and {source} would both become {source.stem}.{made.kinds[0]}; render them into folders of their own")
    if folder.exists() and not folder.is_dir():
        raise MusiclcError(f"{folder}: is a file; wanted a folder")
    for path in (made.output(s, k) for s in made.inputs for k in made.kinds):
        if path.is_dir():
            raise MusiclcError(f"{path}: is a folder; wanted a file to write")
        if path.exists() and not overwrite:
            raise MusiclcError(f"{path}: exists already; name another folder, or replace it with --overwrite")
    if made.leaves_manifest:
        _check_manifest(folder / MANIFEST, overwrite)
    return made


def _inputs(given: Sequence[Path], recursive: bool) -> Iterator[Path]:
    """The files named and those in the folders named, each once, in order of name within a folder."""
    seen = set()
    for place in given:
        found = [place]
        if place.is_dir():
            found = sorted(p for p in (place.rglob("*") if recursive else place.iterdir()) if p.suffix.lower() in MIDI_SUFFIXES and p.is_file())
            if not found:
                raise InputError(f"{place}: holds no MIDI files{'' if recursive else '; with -r folders within are read too'}")
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _check_manifest(path: Path, overwrite: bool) -> None:
    """A manifest of melodies is never replaced: it is the only record of what was asked."""
    if not path.exists():
        return
    try:
        own = all(json.loads(line).get("command") == "render" for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines())
    except (OSError, ValueError, AttributeError):
        own = False
    if not own:
        raise MusiclcError(f"{path}: tells of other files, and is kept; name another folder, such as -O {path.parent / 'pictures'}")
    if not overwrite:
        raise MusiclcError(f"{path}: exists already; name another folder, or replace it with --overwrite")


def render(made: RenderPlan, failed: Callable[[MusiclcError], None]) -> Iterator[dict[str, Any]]:
    """Write every file of the plan and yield its manifest entry; what goes wrong with an input goes to `failed`, the others are still done."""
    entries: list[dict[str, Any]] = []
    try:
        for source in made.inputs:
            for entry in _rendered(made, source, failed):
                entries.append({**entry, "index": len(entries) + 1})
                yield entries[-1]
    finally:  # Ctrl-C, a closed pipe and a full disk, too, leave the manifest of what is there
        if made.leaves_manifest and entries:
            write_whole(made.folder / MANIFEST, b"".join(map(line_of, entries)))


def _rendered(made: RenderPlan, source: Path, failed: Callable[[MusiclcError], None]) -> Iterator[dict[str, Any]]:
    """One input's files, each written and told; all of them are made before the first is written."""
    from musiclc.midi import read_notes

    try:
        sheet = read_notes(source)
        if sheet.mended:
            log.info("%s: mended: %s", source, sheet.mended)
        contents = {kind: KINDS[kind](sheet, source.name, _form_of(source)) for kind in made.kinds}
    except MusiclcError as error:
        failed(error)
        return
    for kind, data in contents.items():
        path = made.output(source, kind)
        write_whole(path, data)
        digest = hashlib.sha256(data).hexdigest()
        yield {"file": path.name, "sha256": digest, "command": "render", "index": 0, "input": str(source), "kind": kind}


def _form_of(source: Path) -> Form:
    """The form that the manifest beside a file gives it, or that of the batch whose job's folder it lies in; () where there is none."""
    for folder in (source.parent, source.parent.parent):
        manifest = folder / MANIFEST
        if manifest.exists() and (form := _forms(manifest, manifest.stat().st_mtime_ns).get(source.relative_to(folder).as_posix())):
            return form
    return ()


@lru_cache(maxsize=8)
def _forms(manifest: Path, changed: int) -> dict[str, Form]:
    """File → form, of a manifest as it was when it last changed; a picture can do without, so one that cannot be read names none."""
    try:
        return {entry["file"]: form for entry in read_manifest(manifest) if (form := form_in(entry))}
    except InputError:
        return {}


# ---- the page of a finished run ------------------------------------------------------------------------------------


def report(folder: Path, failed: Callable[[MusiclcError], None]) -> bytes:
    """The HTML page of a folder with a manifest; a file that cannot be read goes to `failed` and has its row all the same."""
    from musiclc.output.page import report_page

    def read(entry: dict[str, Any]) -> bytes:
        try:
            return read_within(folder, entry)
        except InputError as error:
            failed(error)
            raise

    entries = [e for e in read_manifest(folder / MANIFEST) if Path(e["file"]).suffix.lower() in MIDI_SUFFIXES]
    if not entries:
        raise InputError(f"{folder / MANIFEST}: names no MIDI files; wanted the manifest of melodies")
    return report_page(entries, read, folder.resolve().name)
