"""Notes at other pitches, and not an event else: their beginnings and ends keep their bytes but for the note number.

Where two notes of a channel come to one pitch, the first ends where the second begins, and what begins within a note that stays ends with it at
the earliest: of notes of one pitch the first to begin is the first to end (as `notes.pair` reads them).

Inside: `repitched_notes`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from musiclc.midi.codec import Event, File, parse, repitched, with_track
from musiclc.midi.notes import Sounding, pair

Place = tuple[int, float]  # (tick, place among the track's events)


def repitched_notes(file: File, tracks: Iterable[tuple[int, Sequence[Sounding]]], pitch: Callable[[int], int]) -> bytes:
    """The file's bytes with some notes, (track, those of its notes), at the pitch that `pitch` gives for theirs; by octaves within 0 to 127."""
    moved: dict[int, list[Sounding]] = defaultdict(list)
    for track, notes in tracks:
        moved[track] += notes
    for track, notes in moved.items():
        data = with_track(file, track, _events(file.tracks[track], {n.on_event: _playable(pitch(n.pitch)) for n in notes}))
        file = parse(data, "repitched")
    return file.data


def _playable(pitch: int) -> int:
    return pitch if 0 <= pitch <= 127 else pitch % 12 + (0 if pitch < 0 else 108)


def _events(events: Sequence[Event], pitches: dict[int, int]) -> list[Event]:
    """A track's events with other pitches for the notes that begin with these events."""
    notes = pair(events)
    placed: list[tuple[Place, Event]] = []
    ends = _ends(notes, pitches)
    of = {place: n for n in notes for place in (n.on_event, n.off_event) if place is not None}
    for place, event in enumerate(events):
        note = of.get(place)
        if note is None or note.on_event not in pitches:
            placed.append(((event.tick, place), event))
            continue
        at = ends.get(note.on_event, (event.tick, place)) if place == note.off_event else (event.tick, place)
        placed.append((at, repitched(event, pitches[note.on_event])._replace(tick=at[0])))
    return [event for _, event in sorted(placed, key=lambda pair: pair[0])]


def _ends(notes: Sequence[Sounding], pitches: dict[int, int]) -> dict[int, Place]:
    """Where moved notes end that would take another's end, by the event that begins them."""
    alike: dict[tuple[int, int], list[Sounding]] = defaultdict(list)
    for note in notes:
        alike[note.channel, pitches.get(note.on_event, note.pitch)].append(note)
    found: dict[int, Place] = {}
    for group in alike.values():
        for note, following in pairwise(group):
            if note.pitch == following.pitch and (note.on_event in pitches) == (following.on_event in pitches):
                continue  # as they were to each other
            if note.on_event in pitches and note.off > following.on > note.on:
                found[note.on_event] = (following.on, following.on_event - 0.5)
            elif following.on_event in pitches and note.off_event is not None and following.off < note.off:
                found[following.on_event] = (note.off, note.off_event + 0.5)
    return found
