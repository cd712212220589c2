"""A composer's own file, changed as little as the wish allows; variations of it; the way from one to another.

`transform` is what a notebook calls: it takes and gives a path, bytes, a PrettyMIDI or a NoteSequence. The command line calls `transformed`,
`varied` and `interpolated`, which give every file as an `Edit` with what there is to say about it.

Inside: `EditOptions`, `Edit`, `transform`, `transformed`, `varied`, `interpolated`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import rules
from musiclc.editing.piece import Piece, Stretch
from musiclc.errors import UsageError
from musiclc.files import write_whole
from musiclc.midi import Song, read_song
from musiclc.model import checkpoint
from musiclc.music import tokens as tok
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.editing.rewrite import EditProblem
    from musiclc.model.checkpoint import Model

KEEP = 0.7
LOOSER = 0.6  # strengths of each further try for more realism, as a share of that of the try before
MOST_TRIES = 6
EDIT_METHODS = ("auto", "pulled", "snap")
Wishes = Mapping[str, str] | Sequence[Constraint] | None


@dataclass(frozen=True)
class EditOptions:
    """How to edit. keep: 0 (free) to 1 (touch nothing that is not needed); for a variation the share of notes to keep.

    track: "auto", a track's name or its index. realism: let go of the original, step by step, until this share of real phrases is less
    likely than the result; 0 never does. temperature: of noise in the points that an edit starts from; 0 is none. method: "pulled", or
    "snap", which moves every forbidden note to the nearest pitch allowed (a baseline); "auto" is "pulled". seed: any integer from 0.
    """

    keep: float = KEEP
    track: str | int = "auto"
    seed: int = 0
    realism: float = 0.0
    temperature: float = 0.0
    method: str = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.keep <= 1:
            raise UsageError(f"keep {self.keep:g}: wanted 0 (free) to 1 (touch nothing that is not needed)")
        if not 0 <= self.realism <= 1:
            raise UsageError(f"realism {self.realism:g}: wanted 0 to 1")
        if not 0 <= self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted 0 to 2")
        if self.method not in EDIT_METHODS:
            raise UsageError(f"method {self.method!r}: wanted one of {', '.join(EDIT_METHODS)}")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")


@dataclass(frozen=True)
class Edit:
    """One file as delivered. data: its bytes. before: each wished rule's value in the input. kept: share of the input's notes, same pitch
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
    constraints: Wishes,
    keep: float = KEEP,
    *,
    output: str | Path | None = None,
    track: str | int = "auto",
    model: "Model | None" = None,
    overwrite: bool = False,
) -> Any:
    """`midi` with the least change that meets the constraints, as the same kind: bytes, PrettyMIDI or NoteSequence.

    A path is written to `output`, or under its own name into the current folder, and the new path is given. keep: 0 (free) to 1.
    Nothing but notes of the melody changes; a wish that is met already gives the input back as it is. A wish that cannot be met gives
    what comes nearest (`musiclc.transforms.transformed` tells how near). Raises InputError for an unreadable input, UsageError for a
    wish that cannot be understood, MusiclcError for an output that exists, without overwrite.
    """
    from musiclc.files import refuse_existing

    is_path = isinstance(midi, str | Path)
    place = Path(output) if output is not None else Path(midi).name if is_path else None
    if place is not None:
        refuse_existing(Path(place), overwrite)
    song = read_song(midi, track=track)
    edit = transformed(model or checkpoint.load(), song, constraints, EditOptions(keep=keep, track=track))
    if place is not None:
        write_whole(Path(place), edit.data)
        return Path(place)
    return song.as_like(edit.data)


def transformed(model: "Model", song: Song, constraints: Wishes, options: EditOptions | None = None) -> Edit:
    """The song with the least change found that meets the constraints. Raises UsageError for a wish that no melody can meet."""
    options = options or EditOptions()
    wished = _checked(constraints, song)
    piece = piece_of(song)
    return _delivered(model, song, piece, wished, *_edited(model, piece, wished, options))


def varied(model: "Model", song: Song, n: int, constraints: Wishes = None, options: EditOptions | None = None) -> Iterator[Edit]:
    """n variations of the song that keep about options.keep of its notes each, no two alike, each meeting the constraints.

    Variation i depends on the seed and i, and on those before it only where it would be one of them.
    """
    from musiclc.editing.vary import variation

    options = options or EditOptions()
    wished = _checked(constraints, song)
    piece = piece_of(song)
    seen = {piece.state.tobytes()}
    for index in range(1, n + 1):
        for attempt in range(1, MOST_TRIES + 1):
            noise = np.random.SeedSequence((options.seed, index, attempt))
            state = variation(_task(model, piece, wished, options), options.keep, options.temperature or 1.0, noise)
            if state.tobytes() not in seen:
                break
        warnings = [] if state.tobytes() not in seen else [f"variation {index}: the same as another; a lower --keep leaves more room"]
        seen.add(state.tobytes())
        edit = _delivered(model, song, piece, wished, state, "varied", attempt)
        yield replace(edit, index=index, warnings=[*edit.warnings, *warnings])


def interpolated(model: "Model", first: Song, last: Song, n: int, constraints: Wishes = None, options: EditOptions | None = None) -> Iterator[Edit]:
    """n files on the way from the first song to the last: the first is the one and the last the other, as they are.

    Those between are in the first's file. Raises UsageError for n below 2 or songs in different meters.
    """
    from musiclc.editing.vary import between

    if n < 2:
        raise UsageError(f"-n {n}: wanted 2 or more, both ends included")
    if {s.melody.meter for s in first.sections} != {s.melody.meter for s in last.sections}:
        raise UsageError(f"a song in {first.meter} and one in {last.meter}: wanted two in the same meter")
    options = options or EditOptions()
    wished = _checked(constraints, first)
    pieces = piece_of(first), piece_of(last)
    for i in range(n):
        song, piece = (last, pieces[1]) if i == n - 1 else (first, pieces[0])
        state = piece.state
        if 0 < i < n - 1:
            state = between(_task(model, piece, wished, options), pieces[1], i / (n - 1))
        yield replace(_delivered(model, song, piece, wished, state, "interpolated", 1), index=i + 1)


# ---- inside --------------------------------------------------------------------------------------------------------


def _checked(constraints: Wishes, song: Song) -> list[Constraint]:
    wished = rules.parse_constraints(constraints)
    for constraint in wished:
        for meter in dict.fromkeys(s.melody.meter for s in song.sections):
            constraint.rule.check(constraint.goal, meter)
    return wished


def piece_of(song: Song) -> Piece:
    """The song's sections as the editor sees them."""
    ends = [s.locked_end for s in song.sections]
    ends[-1] = max(ends[-1], song.silent_steps)
    parts = zip(song.sections, ends, strict=True)
    return Piece(tuple(Stretch(tok.from_melody(s.melody), s.melody.meter, (s.locked_steps, end), under=s.under) for s, end in parts))


def _task(model: "Model", piece: Piece, wished: list[Constraint], options: EditOptions) -> "EditProblem":
    from musiclc.editing.rewrite import BiasStrengths, EditProblem

    return EditProblem(model, piece, wished, BiasStrengths.of(options.keep), model.critics)  # rules of one's own do without: see steered.py


def _edited(model: "Model", piece: Piece, wished: list[Constraint], options: EditOptions) -> tuple[np.ndarray, str, int]:
    """The new state, how it was found, and in how many tries."""
    from musiclc.editing.edit import edited
    from musiclc.editing.rewrite import aligned, started

    problem = _task(model, piece, wished, options)
    if problem.met(piece.state):
        return piece.state, "untouched", 0
    if options.method == "snap":
        return started(problem), "snap", 1
    problem = replace(problem, piece=aligned(model, piece))
    assert model.prior is not None
    noise = np.random.SeedSequence((options.seed, 1))
    enough = model.prior.nll_of(options.realism)
    attempts, state = 0, piece.state
    while attempts < MOST_TRIES and (not attempts or _nats(model, piece, state) > enough):
        state = edited(replace(problem, strengths=problem.strengths.weaker(LOOSER**attempts), noise=(options.temperature, noise)))
        attempts += 1
    return state, "pulled+critics" if problem.left else "pulled", attempts


def _nats(model: "Model", piece: Piece, state: np.ndarray) -> float:
    """What the piece costs the VAE, in nats a note, as the mean over its windows."""
    from musiclc.editing.rewrite import tensors

    windows = piece.windows()
    return float(model.vae.nll_per_note(*tensors(windows.rows(state)[0], windows.meters)).mean())


def _delivered(model: "Model", song: Song, piece: Piece, wished: list[Constraint], state: np.ndarray, method: str, attempts: int) -> Edit:
    assert model.prior is not None
    melodies = [tok.to_melody(tokens, s.meter) for tokens, s in zip(piece.split(state), piece.stretches, strict=True)]
    touched = not np.array_equal(state, piece.state)
    verdicts = [c.verdict(piece.measure(c, state[None])[0]) for c in wished]
    onset = tok.onsets(piece.state)
    warnings = [*song.warnings, *(f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"])]
    return Edit(
        1,
        song.replaced(melodies, _extras(song, piece, wished, state)) if touched else song.data,
        song,
        int(tok.onsets(state).sum()),
        piece.bars,
        verdicts,
        {c.rule.name: c.rule.value(piece.measure(c, piece.state[None])[0], c.goal) for c in wished},
        round(float((state == piece.state)[onset].mean()) if onset.any() else 1.0, 4),
        method,
        attempts,
        round(model.prior.realism(_nats(model, piece, state)), 4),
        warnings,
        tuple(piece.whole(np.stack([piece.state, state]))),
        piece.meter,
    )


def _extras(song: Song, piece: Piece, wished: list[Constraint], state: np.ndarray) -> list[list[int | None]]:
    """What becomes of notes that the grid cannot hold: at an allowed pitch, or gone with the note on whose step they stand."""
    from musiclc.editing.rewrite import snapped

    allowed = allowed_pitches(wished)
    found: list[list[int | None]] = []
    for section, was, now in zip(song.sections, piece.split(piece.state), piece.split(state), strict=True):
        row: list[int | None] = []
        for step, pitch in section.extras:
            gone = step < len(now) and was[step] >= tok.FIRST_ONSET and now[step] < tok.FIRST_ONSET
            token = np.array([pitch - tok.PITCH_OF_TOKEN], np.uint8)
            row.append(None if gone else int(snapped(token, allowed)[0]) + tok.PITCH_OF_TOKEN if allowed.any() else pitch)
        found.append(row)
    return found


def edit_entry(edit: "Edit", command: str, source: str, name: str, run: tuple[int, int, str]) -> dict[str, Any]:
    """The manifest entry of one edited file. source: the input's name; name: the file's; run: seed, index, name of the model."""
    return {
        "file": name,
        "sha256": hashlib.sha256(edit.data).hexdigest(),
        "command": command,
        "index": run[1],
        "seed": run[0],
        "model": run[2],
        "meter": edit.song.meter,
        "bars": edit.bars,
        "bpm": edit.song.bpm,
        "notes": edit.notes,
        "method": edit.method,
        "attempts": edit.attempts,
        "constraints": edit.verdicts,
        "satisfied": edit.satisfied,
        "realism": edit.realism,
        "warnings": edit.warnings,
        "input": source,
        "track": edit.song.track.name or edit.song.track.index,
        "before": edit.before,
        "kept": edit.kept,
    }


def before_and_after(edit: "Edit", path: Path, title: str = "") -> None:
    """A piano roll of the edited melody: kept notes grey, removed ones outlined in red, new ones green."""
    from musiclc.music import tokens as tok
    from musiclc.output.drawing import png
    from musiclc.output.pianoroll import rolls, sheet_of

    before, after = (sheet_of(tok.to_melody(whole, edit.meter), edit.song.bpm) for whole in edit.wholes)
    write_whole(path, png(rolls(before, after, title)))
