"""A composer's own file, changed as little as the constraints allow; variations of it; the way from one to another.

`transform` is what a notebook calls: it takes and gives a path, bytes, a PrettyMIDI or a NoteSequence. Commands (commands.py) call
`transformed`, `varied` and `interpolated`, which give every file as an `Edit` with what there is to say about it.

Inside: `Edit`, `transform`, `transformed`, `varied`, `interpolated`, `before_and_after`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.examples import parse_constraints
from musiclc.custom.labels import bound
from musiclc.editing.keys import KeyChange, brought, key_change, left_behind
from musiclc.editing.request import KEEP, EditOptions
from musiclc.editing.scope import Scope
from musiclc.errors import UsageError
from musiclc.files import refuse_existing, write_whole
from musiclc.midi import READ_IN_PHRASES, Song, read_song
from musiclc.midi.tracks import companions
from musiclc.music import tokens as tok
from musiclc.rules.base import Constraint
from musiclc.rules.tonic import named

if TYPE_CHECKING:
    from musiclc.editing.lines import EditProblem
    from musiclc.model.checkpoint import Model

LOOSER = 0.6  # strengths of each further try for more realism, as a share of that of the try before
MOST_TRIES = 6
Asked = Mapping[str, str] | Sequence[Constraint] | None  # constraints, also as {"key": "C"}


@dataclass(frozen=True)
class Edit:
    """One file as delivered. data: its bytes. before: each constraint's value in the input, by rule. kept: share of the input's notes, same pitch
    (transposed, where the piece was) at the same onset, still there. realism, verdicts, method, warnings: as sampling.Sample. wholes: tokens (T,) of
    the whole piece in `meter`, before and after.
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
        """Whether every constraint is met, as the rules measure the whole piece, or its bars that may change."""
        return all(v["satisfied"] for v in self.verdicts)

    @property
    def heard(self) -> dict[str, str]:
        """The key that the whole piece is heard in before and after."""
        return {when: named(tok.to_melody(whole, self.meter)) for when, whole in zip(("before", "after"), self.wholes, strict=True)}


def transform(
    midi: Any,
    constraints: Asked,
    keep: float = KEEP,
    *,
    output: str | Path | None = None,
    track: str | int = "auto",
    tracks: str = "melody",
    bars: str = "",
    meter: str = "",
    model: "Model | None" = None,
    overwrite: bool = False,
) -> Any:
    """`midi` with the least change that meets the constraints, as the same kind: bytes, PrettyMIDI or NoteSequence.

    A path is written to `output`, or under its own name into the current folder, and the new path is given. keep: 0 (free) to 1; tracks, bars, meter:
    as EditOptions has them. Nothing but notes of the melody changes, and of tracks that go along to another key; constraints that are met already
    give the input back as it is, and those that cannot be met what comes nearest (`transformed` tells how near). Raises InputError for an unreadable
    input, UsageError for constraints that cannot be understood, MusiclcError for an output that exists, without overwrite.
    """
    from musiclc.model import checkpoint

    is_path = isinstance(midi, str | Path)
    place = Path(output) if output is not None else Path(midi).name if is_path else None
    if place is not None:
        refuse_existing(Path(place), overwrite)
    song = read_song(midi, track=track, read_as=READ_IN_PHRASES, meter=meter)
    edit = transformed(model or checkpoint.loaded(), song, constraints, EditOptions(keep=keep, track=track, tracks=tracks, bars=bars, meter=meter))
    if place is not None:
        write_whole(Path(place), edit.data)
        return Path(place)
    return song.as_like(edit.data)


def transformed(model: "Model", song: Song, constraints: Asked, options: EditOptions | None = None) -> Edit:
    """The song with the least change found that meets the constraints. Raises UsageError for those that none of its meters can meet, InputError
    for bars or tracks that it does not have.
    """
    options = options or EditOptions()
    asked = _commission(model, song, constraints, options)
    return _delivered(asked, *_edited(asked, options))


def varied(model: "Model", song: Song, n: int, constraints: Asked = None, options: EditOptions | None = None) -> Iterator[Edit]:
    """n variations of the song that keep about options.keep of its notes each, no two alike, each meeting the constraints; in the key asked for.

    Variation i depends on the seed and i, and on those before it only where it would be one of them.
    """
    from musiclc.editing.vary import variation

    options = options or EditOptions()
    asked = _commission(model, song, constraints, options)
    seen = {asked.problem.piece.state.tobytes()}
    for index in range(1, n + 1):
        for attempt in range(1, MOST_TRIES + 1):
            noise = np.random.SeedSequence((options.seed, index, attempt))
            state = variation(asked.problem, options.keep, options.temperature or 1.0, noise)
            if state.tobytes() not in seen:
                break
        warnings = [] if state.tobytes() not in seen else [f"variation {index}: the same as another; a lower --keep leaves more room"]
        seen.add(state.tobytes())
        edit = _delivered(asked, state, "varied", attempt)
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
    scope, end = Scope.of(first, None), Scope.of(last, None)
    problem = _problem(model, scope, constraints, options or EditOptions())
    begun = _Commission(scope, scope, problem)
    ended = _Commission(end, end, replace(problem, piece=end.part))
    for i in range(n - 1):
        state = between(problem, end.part, i / (n - 1)) if i else problem.piece.state
        yield replace(_delivered(begun, state, "interpolated", 1), index=i + 1)
    yield replace(_delivered(ended, end.part.state, "interpolated", 1), index=n)


# ---- inside --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Commission:
    """An edit to make. given: the song as it came; scope: the same in the key asked for; problem: of its part; change: the way to that key."""

    given: Scope
    scope: Scope
    problem: "EditProblem"
    change: KeyChange | None = None
    options: EditOptions = field(default_factory=EditOptions)


def _commission(model: "Model", song: Song, constraints: Asked, options: EditOptions) -> _Commission:
    """The edit of a song, brought to the key asked for where it is heard in another one (snapping alone does without)."""
    given = Scope.of(song, options.span)
    problem = _problem(model, given, constraints, options)
    of_key = [c for c in problem.constraints if any(part.rule.judged for part in c.parts)]
    companions(song.file, song.entry, options.tracks, song.name)  # raises for a track that there is not
    if options.method == "snap" or problem.met(given.part.state, of_key):
        return _Commission(given, given, problem, options=options)
    change = key_change(tok.to_melody(given.part.whole(given.part.state[None])[0], given.part.meter), problem.constraints)
    if change is None:
        return _Commission(given, given, problem, options=options)
    scope = Scope.of(brought(song, change, options.tracks, options.span), options.span)
    return _Commission(given, scope, replace(problem, piece=scope.part), change, options)


def _problem(model: "Model", scope: Scope, constraints: Asked, options: EditOptions) -> "EditProblem":
    """What an edit within the scope has to solve. Raises UsageError for constraints that one of its meters cannot meet, CheckpointError when the
    model lacks a part.
    """
    from musiclc.editing.lines import BiasStrengths, EditProblem

    asked = bound(parse_constraints(constraints), model.having("prior"))
    for constraint in asked:
        for meter in dict.fromkeys(s.meter for s in scope.part.sections):
            constraint.rule.check(constraint.goal, meter, scope.part.bars)
    return EditProblem(model, scope.part, asked, BiasStrengths.of(options.keep), model.critics)  # rules of one's own do without: see steer.py


def _edited(asked: _Commission, options: EditOptions) -> tuple[np.ndarray, str, int]:
    """The new state of the part, how it was found, and in how many tries."""
    from musiclc.editing.edit import edited, snapped_alone
    from musiclc.editing.lines import aligned, nll_per_note

    problem, how = asked.problem, ["transposed"] if asked.change else []
    model, piece = problem.model, problem.piece
    if problem.met(piece.state):
        return piece.state, *(("transposed", 1) if asked.change else ("untouched", 0))
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
    how += ["beam", *(["critics"] if any(not c.rule.judged for c in problem.left) else [])]
    return state, "+".join(how), attempts


def _delivered(asked: _Commission, state: np.ndarray, method: str, attempts: int) -> Edit:
    """The song's file with the part's state as its notes, and what there is to say about it."""
    from musiclc.editing.lines import nll_per_note

    given, scope, problem = asked.given, asked.scope, asked.problem
    assert problem.model.prior is not None
    whole = scope.written(state)
    state = whole[scope.at]
    verdicts = [_verdict(asked, c, state) for c in problem.constraints]
    return Edit(
        1,
        scope.song.data if np.array_equal(whole, scope.whole.state) else _written(asked, whole),
        given.song,
        int(tok.onsets(whole).sum()),
        scope.whole.bars,
        verdicts,
        {c.rule.name: c.rule.value(given.part.measure(c, given.part.state[None])[0], c.goal) for c in problem.constraints},
        _kept(asked, whole),
        method,
        attempts,
        round(problem.model.prior.realism(nll_per_note(problem.model, problem.piece, state)), 4),
        [*given.song.warnings, *_warnings(asked, verdicts)],
        (given.whole.whole(given.whole.state[None])[0], scope.whole.whole(whole[None])[0]),
        scope.whole.meter,
    )


def _verdict(asked: _Commission, constraint: Constraint, state: np.ndarray) -> dict[str, Any]:
    """The constraint's verdict on a state of the part, which is named where it is not the whole."""
    verdict = constraint.verdict(asked.scope.part.measure(constraint, state[None])[0])
    return verdict | ({"section": "{}..{}".format(*asked.options.span)} if asked.options.span else {})


def _warnings(asked: _Commission, verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    stay = left_behind(asked.given.song, asked.change, asked.options.tracks) if asked.change else []
    return stay + [f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"]]


def _kept(asked: _Commission, whole: np.ndarray) -> float:
    """The share of the song's notes that are still there in a state of the whole, transposed as it was."""
    was = asked.given.whole.state.astype(int)
    if asked.change:
        was[asked.given.at] = tok.transpose(was[None], asked.change.interval)[0][asked.given.at]
    onset = tok.onsets(asked.given.whole.state)
    return round(float((whole == was)[onset].mean()) if onset.any() else 1.0, 4)


def _written(asked: _Commission, whole: np.ndarray) -> bytes:
    """The file with a state of the whole as its notes; extras outside of the part stay."""
    from musiclc.editing.edit import extras_after

    piece, inside = asked.scope.whole, np.isin(np.arange(len(whole)), asked.scope.at)
    melodies = [tok.to_melody(tokens, s.meter) for tokens, s in zip(piece.split(whole), piece.sections, strict=True)]
    found = extras_after(replace(asked.problem, piece=piece), whole)
    extras = [
        [pitch if inside[begin + min(step, section.steps - 1)] else was for (step, was), pitch in zip(section.extras, pitches, strict=True)]
        for section, begin, pitches in zip(piece.sections, piece.starts, found, strict=True)
    ]
    return asked.scope.song.replaced(melodies, extras)


def before_and_after(edit: Edit, title: str = "") -> bytes:
    """A piano roll of the edited melody as PNG: kept notes grey, removed ones outlined in red, new ones green."""
    from musiclc.output.drawing import png
    from musiclc.output.pianoroll import rolls, sheet_of

    before, after = (sheet_of(tok.to_melody(whole, edit.meter), edit.song.bpm) for whole in edit.wholes)
    return png(rolls(before, after, title))
