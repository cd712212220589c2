"""Files around a melody, with all that real files hold; and what differs between two files, as mido reads them.

For figures: `evaluate transform` builds such files around test tunes, edits them and compares event by event, with a reader that the
editing itself does not use.

Inside: `arranged`, `differences`, `MELODY`.
"""

import io
import random
from collections.abc import Callable
from typing import Any

MELODY = "Voice"  # the name of the melody's track
CHANNEL = 3
_GRACE = 3  # quarters of silence at the end of the file


def arranged(data: bytes, seed: int) -> bytes:
    """A type 1 file with the notes of `data` in a track named MELODY, played like a human, among markers, lyrics, sysex, bends, other tracks."""
    import mido

    r = random.Random(seed)
    source = mido.MidiFile(file=io.BytesIO(data))
    per_quarter = source.ticks_per_beat
    events = [e for track in source.tracks for e in _absolute(track)]
    end = max(tick for tick, _ in events) + _GRACE * per_quarter
    head = [e for e in events if e[1].type in ("time_signature", "set_tempo", "key_signature")]
    head += [(r.randrange(end), mido.MetaMessage("set_tempo", tempo=r.randrange(400_000, 800_000))) for _ in range(4)]
    head += [(r.randrange(end), mido.MetaMessage("marker", text=f"part {i}")) for i in range(4)]
    voice = [(0, mido.MetaMessage("track_name", name=MELODY)), *_played(events, r, per_quarter), *_surroundings(r, end)]
    bass = [(t, m.copy(channel=1, note=m.note % 12 + 36)) for t, m in events if m.type in ("note_on", "note_off") and r.random() < 0.3]
    drums = [(t, mido.Message("note_on", channel=9, note=38, velocity=v)) for q in range(0, end, per_quarter) for t, v in ((q, 90), (q + 10, 0))]
    file = mido.MidiFile(type=1, ticks_per_beat=per_quarter)
    file.tracks += [_track(part, end) for part in (head, bass, voice, [], drums)]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _absolute(track: Any) -> list[tuple[int, Any]]:
    """(tick, message without its time) of every event."""
    now, found = 0, []
    for message in track:
        now += message.time
        found.append((now, message.copy(time=0)))
    return found


def _track(events: list[tuple[int, Any]], end: int) -> Any:
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(events, key=lambda e: e[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track


def _played(events: list[tuple[int, Any]], r: random.Random, per_quarter: int) -> list[tuple[int, Any]]:
    """The notes, early or late by up to a tenth of a sixteenth, with velocities of their own."""
    late = max(per_quarter // 40, 1)
    played = []
    for tick, message in events:
        if message.type == "note_on" and message.velocity:
            played.append((tick + r.randrange(0, late), message.copy(channel=CHANNEL, velocity=r.randrange(30, 120))))
        elif message.type in ("note_on", "note_off"):
            played.append((max(tick - r.randrange(0, late), 0), message.copy(channel=CHANNEL)))
    return played


def _surroundings(r: random.Random, end: int) -> list[tuple[int, Any]]:
    """What a melody's track holds besides notes, twice each at ticks of its own."""
    import mido

    makers: list[Callable[[], Any]] = [
        lambda: mido.MetaMessage("lyrics", text="la"),
        lambda: mido.MetaMessage("text", text="dolce"),
        lambda: mido.MetaMessage("sequencer_specific", data=(0, 1, 2)),
        lambda: mido.Message("sysex", data=[r.randrange(128) for _ in range(r.randrange(100))]),
        lambda: mido.Message("aftertouch", channel=CHANNEL, value=r.randrange(128)),
        lambda: mido.Message("polytouch", channel=CHANNEL, note=r.randrange(128), value=3),
        lambda: mido.Message("pitchwheel", channel=CHANNEL, pitch=r.randrange(-8192, 8192)),
        lambda: mido.Message("control_change", channel=CHANNEL, control=64, value=r.randrange(128)),
        lambda: mido.Message("program_change", channel=CHANNEL, program=r.randrange(128)),
    ]
    return [(r.randrange(end), maker()) for maker in makers for _ in range(2)]


def differences(before: bytes, after: bytes) -> list[str]:
    """What differs between two files besides notes of CHANNEL in the track named MELODY: a line each, none when all is the same."""
    import mido

    old, new = (mido.MidiFile(file=io.BytesIO(data)) for data in (before, after))
    found = [f"{what}: {a}, {b}" for what, a, b in _heads(old, new) if a != b]
    for number, (was, now) in enumerate(zip(old.tracks, new.tracks, strict=False)):
        ours = was.name == MELODY
        kept, made = ([e for e in _absolute(track) if not (ours and _is_note(e[1]))] for track in (was, now))
        if kept != made:
            found.append(f"track {number}: other events than before")
    return found


def _heads(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    return [
        ("type", old.type, new.type),
        ("ticks a quarter", old.ticks_per_beat, new.ticks_per_beat),
        ("tracks", len(old.tracks), len(new.tracks)),
    ]


def _is_note(message: Any) -> bool:
    return message.type in ("note_on", "note_off") and message.channel == CHANNEL
