"""The commands that edit, each as one function of its request: transform, vary, interpolate.

`run` yields (manifest entry, bytes) a file, as they are ready; `edits` the same with all that there is to say about each, such as what a picture of
it needs. In a run over many inputs one that cannot be done stops no other, where `failed` is there to be told.

Inside: `run`, `edits`, `Told`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from musiclc.custom.labels import bound
from musiclc.editing.request import EditRequest, InterpolateRequest, TransformRequest, VaryRequest
from musiclc.editing.transform import Edit, interpolated, transformed, varied
from musiclc.errors import MusiclcError, UsageError
from musiclc.midi import READ_IN_PHRASES, read_song
from musiclc.midi.beats import read_in
from musiclc.midi.inputs import Input
from musiclc.output.manifest import Entry, Origin, entry_of

if TYPE_CHECKING:
    from musiclc.midi import Song
    from musiclc.model.checkpoint import Model

Told = Callable[[MusiclcError], None]
log = logging.getLogger("musiclc")


def _raised(error: MusiclcError) -> None:
    raise error


def run(request: EditRequest, failed: Told = _raised, model: "Model | None" = None) -> Iterator[tuple[Entry, bytes]]:
    """The files of a command with their manifest entries, in order. failed: is told what is wrong with an input, and the others are still done;
    without it that is raised. model: in place of the one that the request names. Raises MusiclcError.
    """
    return ((entry, edit.data) for entry, edit in edits(request, failed, model))


def edits(request: EditRequest, failed: Told = _raised, model: "Model | None" = None) -> Iterator[tuple[Entry, Edit]]:
    """As `run`, with each file as an Edit."""
    from musiclc.model import checkpoint

    model = (model or checkpoint.loaded(request.model, request.numerics)).having("prior")
    request = replace(request, constraints=tuple(bound(request.constraints, model)))
    for error in request.unread:
        failed(error)
    origin, names = Origin(request.command, request.options.seed, model.name, model.numerics), request.names
    for source, edit in _MAKERS[type(request)](request, model, failed):  # type: ignore[operator]
        yield _entry(edit, source, names[edit.index - 1], origin), edit


def _transformed(request: TransformRequest, model: "Model", failed: Told) -> Iterator[tuple[Input, Edit]]:
    if not request.constraints:
        log.warning("no constraint: every file will be as it was")
    for index, source in enumerate(request.inputs, start=1):
        try:
            with _concerning(source):
                edit = transformed(model, _song(source, request), request.constraints, request.options)
        except MusiclcError as error:
            failed(error)
        else:
            yield source, replace(edit, index=index)


def _varied(request: VaryRequest, model: "Model", failed: Told) -> Iterator[tuple[Input, Edit]]:
    (source,) = request.inputs
    try:
        with _concerning(source):
            for edit in varied(model, _song(source, request), request.n, request.constraints, request.options):
                yield source, edit
    except MusiclcError as error:
        failed(error)


def _interpolated(request: InterpolateRequest, model: "Model", failed: Told) -> Iterator[tuple[Input, Edit]]:
    first, last = request.inputs
    try:
        with _concerning(first):
            songs = _song(first, request), _song(last, request)
            for edit in interpolated(model, *songs, request.n, request.constraints, request.options):
                yield last if edit.index == request.n else first, edit
    except MusiclcError as error:
        failed(error)


_MAKERS = {TransformRequest: _transformed, VaryRequest: _varied, InterpolateRequest: _interpolated}


def _song(source: Input, request: EditRequest) -> "Song":
    return read_song(source.source, name=source.name, track=request.options.track, read_as=READ_IN_PHRASES, meter=request.options.meter)


@contextmanager
def _concerning(source: Input) -> Iterator[None]:
    """A UsageError within, such as a goal that this file's meter cannot meet, is an error of this file, not of the whole request."""
    try:
        yield
    except UsageError as error:
        raise MusiclcError(f"{source.name}: {error}") from error


def _entry(edit: Edit, source: Input, name: str, origin: Origin) -> Entry:
    """The manifest entry of one edited file."""
    song = edit.song
    about = {"meter": song.meter, "bars": edit.bars, "bpm": song.bpm, "notes": edit.notes}
    of_input = {
        "input": source.name,
        "track": song.track.name or song.track.index,
        "before": edit.before,
        "kept": edit.kept,
        "heard": edit.heard,
        **read_in(song.file),
    }
    return {**entry_of(origin, name, edit.data, edit, about), **of_input}
