"""A composer's own file, changed as little as the constraints allow; variations of it; the way from one to another.

`transform` is what a notebook calls: it takes and gives a path, bytes, a PrettyMIDI or a NoteSequence. Commands (commands.py) call
`transformed`, `varied` and `interpolated`, which give every file as an `Edit` with what there is to say about it.

Inside: `Edit`, `transform`, `transformed`, `varied`, `interpolated`, `piece_of`, `before_and_after`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import rules
from musiclc.custom.labels import bound
from musiclc.editing.piece import Piece
from musiclc.editing.request import KEEP, EditOptions
from musiclc.errors import UsageError
from musiclc.files import refuse_existing, write_whole
from musiclc.midi import READ_IN_PHRASES, Song, read_song
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.editing.lines import EditProblem
    from musiclc.model.checkpoint import Model

LOOSER = 0.6  # strengths of each further try for more realism, as a share of that of the try before
MOST_TRIES = 6
Asked = Mapping[str, str] | Sequence[Constraint] | None  # constraints, also as {"key": "C"}


@dataclass(frozen=True)
class Edit:
    """One file as delivered. data: its bytes. before: each constraint's value in the input, by rule. kept: share of the input's notes, same pitch
    at the same onset, still there. realism, verdicts, method, warnings: as sampling.Sample. wholes: tokens (T,) of the whole piece in `meter`,
    before and after.
    """

    index: int
    data: bytes
    song: Song
    notes: int
    bars: int
    verdicts: list[dict[str, Any]]
    before: dict[str, Any]
    kept: float
    method: str
    attempts: int
    realism: float
    warnings: list[str] = field(default_factory=list)
    wholes: tuple[np.ndarray, ...] = ()
    meter: str = "4/4"

    @property
    def satisfied(self) -> bool:
        """Whether every constraint is met, as the rules measure the whole piece."""
        return all(v["satisfied"] for v in self.verdicts)


def transform(
    midi: Any,
    constraints: Asked,
    keep: float = KEEP,
    *,
    output: str | Path | None = None,
    track: str | int = "auto",
    model: "Model | None" = None,
    overwrite: bool = False,
) -> Any:
    """`midi` with the least change that meets the constraints, as the same kind: bytes, PrettyMIDI or NoteSequence.

    A path is written to `output`, or under its own name into the current folder, and the new path is given. keep: 0 (free) to 1.
    Nothing but notes of the melody changes; constraints that are met already give the input back as it is, and those that cannot be
    met what comes nearest (`transformed` tells how near). Raises InputError for an unreadable input, UsageError for constraints that
    cannot be understood, MusiclcError for an output that exists, without overwrite.
    """
    from musiclc.model import checkpoint

    is_path = isinstance(midi, str | Path)
    place = Path(output) if output is not None else Path(midi).name if is_path else None
    if place is not None:
        refuse_existing(Path(place), overwrite)
    song = read_song(midi, track=track, read_as=READ_IN_PHRASES)
    edit = transformed(model or checkpoint.loaded(), song, constraints, EditOptions(keep=keep, track=track))
    if place is not None:
        write_whole(Path(place), edit.data)
        return Path(place)
    return song.as_like(edit.data)


def transformed(model: "Model", song: Song, constraints: Asked, options: EditOptions | None = None) -> Edit:
    """The song with the least change found that meets the constraints. Raises UsageError for those that none of its meters can meet."""
    problem = _problem(model, song, constraints, options or EditOptions())
    return _delivered(song, problem, *_edited(problem, options or EditOptions()))


def varied(model: "Model", song: Song, n: int, constraints: Asked = None, options: EditOptions | None = None) -> Iterator[Edit]:
    """n variations of the song that keep about options.keep of its notes each, no two alike, each meeting the constraints.

    Variation i depends on the seed and i, and on those before it only where it would be one of them.
    """
    from musiclc.editing.vary import variation

    options = options or EditOptions()
    problem = _problem(model, song, constraints, options)
    seen = {problem.piece.state.tobytes()}
    for index in range(1, n + 1):
        for attempt in range(1, MOST_TRIES + 1):
            noise = np.random.SeedSequence((options.seed, index, attempt))
            state = variation(problem, options.keep, options.temperature or 1.0, noise)
            if state.tobytes() not in seen:
                break
        warnings = [] if state.tobytes() not in seen else [f"variation {index}: the same as another; a lower --keep leaves more room"]
        seen.add(state.tobytes())
        edit = _delivered(song, problem, state, "varied", attempt)
        yield replace(edit, index=index, warnings=[*edit.warnings, *warnings])


def interpolated(model: "Model", first: Song, last: Song, n: int, constraints: Asked = None, options: EditOptions | None = None) -> Iterator[Edit]:
    """n files on the way from the first song to the last: the first is the one and the last the other, as they are.

    Those between are in the first's file. Raises UsageError for n below 2 or songs in different meters.
    """
    from musiclc.editing.vary import between

    if n < 2:
        raise UsageError(f"-n {n}: wanted 2 or more, both ends included")
    if {s.meter for s in first.sections} != {s.meter for s in last.sections}:
        raise UsageError(f"a song in {first.meter} and one in {last.meter}: wanted two in the same meter")
    problem = _problem(model, first, constraints, options or EditOptions())
    end = replace(problem, piece=piece_of(last))
    for i in range(n - 1):
        state = between(problem, end.piece, i / (n - 1)) if i else problem.piece.state
        yield replace(_delivered(first, problem, state, "interpolated", 1), index=i + 1)
    yield replace(_delivered(last, end, end.piece.state, "interpolated", 1), index=n)


# ---- inside --------------------------------------------------------------------------------------------------------


def piece_of(song: Song) -> Piece:
    """The song's sections as the editor sees them. Raises UsageError for a song that was read in meters that its networks do not know."""
    if others := dict.fromkeys(s.meter for s in song.sections if s.meter not in PHRASE_METERS):
        raise UsageError(f"bars of {', '.join(others)}: the editor knows {', '.join(PHRASE_METERS)}; read the song with read_as=READ_IN_PHRASES")
    return Piece(song.sections)


def _problem(model: "Model", song: Song, constraints: Asked, options: EditOptions) -> "EditProblem":
    """What an edit of the song has to solve. Raises UsageError for constraints that one of its meters cannot meet, CheckpointError when the
    model lacks a part.
    """
    from musiclc.editing.lines import BiasStrengths, EditProblem

    asked = bound(rules.parse_constraints(constraints), model.having("prior"))
    for constraint in asked:
        for meter in dict.fromkeys(s.meter for s in song.sections):
            constraint.rule.check(constraint.goal, meter)
    return EditProblem(model, piece_of(song), asked, BiasStrengths.of(options.keep), model.critics)  # rules of one's own do without: see steer.py


def _edited(problem: "EditProblem", options: EditOptions) -> tuple[np.ndarray, str, int]:
    """The new state, how it was found, and in how many tries."""
    from musiclc.editing.edit import edited, snapped_alone
    from musiclc.editing.lines import aligned, nll_per_note

    model, piece = problem.model, problem.piece
    if problem.met(piece.state):
        return piece.state, "untouched", 0
    if options.method == "snap":
        return snapped_alone(problem), "snap", 1
    problem = replace(problem, piece=aligned(model, piece))
    assert model.prior is not None
    noise = np.random.SeedSequence((options.seed, 1))
    enough = model.prior.nll_of(options.realism)
    attempts, state = 0, piece.state
    while attempts < MOST_TRIES and (not attempts or nll_per_note(model, piece, state) > enough):
        state = edited(replace(problem, strengths=problem.strengths.weaker(LOOSER**attempts), noise=(options.temperature, noise)))
        attempts += 1
    return state, "beam+critics" if problem.left else "beam", attempts


def _delivered(song: Song, problem: "EditProblem", state: np.ndarray, method: str, attempts: int) -> Edit:
    """The song's file with the state's notes, and what there is to say about it."""
    from musiclc.editing.lines import nll_per_note

    piece, asked = problem.piece, problem.constraints
    assert problem.model.prior is not None
    verdicts = [c.verdict(piece.measure(c, state[None])[0]) for c in asked]
    return Edit(
        1,
        song.data if np.array_equal(state, piece.state) else _written(song, problem, state),
        song,
        int(tok.onsets(state).sum()),
        piece.bars,
        verdicts,
        {c.rule.name: c.rule.value(piece.measure(c, piece.state[None])[0], c.goal) for c in asked},
        _kept(piece, state),
        method,
        attempts,
        round(problem.model.prior.realism(nll_per_note(problem.model, piece, state)), 4),
        [*song.warnings, *(f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"])],
        tuple(piece.whole(np.stack([piece.state, state]))),
        piece.meter,
    )


def _kept(piece: Piece, state: np.ndarray) -> float:
    """The share of the piece's notes that are still there in a state."""
    onset = tok.onsets(piece.state)
    return round(float((state == piece.state)[onset].mean()) if onset.any() else 1.0, 4)


def _written(song: Song, problem: "EditProblem", state: np.ndarray) -> bytes:
    from musiclc.editing.edit import extras_after

    piece = problem.piece
    melodies = [tok.to_melody(tokens, s.meter) for tokens, s in zip(piece.split(state), piece.sections, strict=True)]
    return song.replaced(melodies, extras_after(problem, state))


def before_and_after(edit: Edit, title: str = "") -> bytes:
    """A piano roll of the edited melody as PNG: kept notes grey, removed ones outlined in red, new ones green."""
    from musiclc.output.drawing import png
    from musiclc.output.pianoroll import rolls, sheet_of

    before, after = (sheet_of(tok.to_melody(whole, edit.meter), edit.song.bpm) for whole in edit.wholes)
    return png(rolls(before, after, title))
