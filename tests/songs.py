"""Generated MIDI files of many kinds for the tests of musiclc.midi, and an independent way to compare their events, through mido."""

import io
import random
from dataclasses import dataclass

import mido
from mido.midifiles import midifiles

METERS = {(4, 4): 16, (3, 4): 12, (6, 8): 12, (2, 4): 8, (2, 2): 16, (5, 8): 10, (7, 8): 14, (1, 4): 4}


def fixed_mido(monkeypatch):
    """mido 1.3.3 drops the delta time of unknown meta events when it reads; here it is kept."""
    build = midifiles.build_meta_message

    def whole(meta_type, data, delta=0):
        message = build(meta_type, data, delta)
        message.time = delta
        return message

    monkeypatch.setattr(midifiles, "build_meta_message", whole)


def saved(file):
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def loaded(data):
    return mido.MidiFile(file=io.BytesIO(data))


def track_of(events):
    """A track from (absolute tick, message), in order of ticks; equal ticks stay in the order given."""
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(events, key=lambda e: e[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def absolute(track):
    """(tick, message without time) of every event."""
    now, found = 0, []
    for message in track:
        now += message.time
        found.append((now, message.copy(time=0)))
    return found


def is_note(message, channel):
    return message.type in ("note_on", "note_off") and message.channel == channel


@dataclass
class Made:
    data: bytes
    track: int  # of the file
    wanted: int  # by --track
    channel: int


def junk(r, channel, end):
    """Events that are no notes, at random ticks."""
    makers = [
        lambda: mido.MetaMessage("marker", text=f"part {r.randrange(9)}"),
        lambda: mido.MetaMessage("lyrics", text="lá"),
        lambda: mido.MetaMessage("text", text=""),
        lambda: mido.MetaMessage("sequencer_specific", data=(0, 1, r.randrange(128))),
        lambda: mido.UnknownMetaMessage(0x60 + r.randrange(8), data=[r.randrange(256)]),
        lambda: mido.MetaMessage("set_tempo", tempo=r.randrange(300000, 900000)),
        lambda: mido.MetaMessage("key_signature", key=r.choice(["C", "Ebm", "F#"])),
        lambda: mido.Message("sysex", data=[r.randrange(128) for _ in range(r.randrange(200))]),
        lambda: mido.Message("aftertouch", channel=channel, value=r.randrange(128)),
        lambda: mido.Message("polytouch", channel=channel, note=r.randrange(128), value=3),
        lambda: mido.Message("pitchwheel", channel=channel, pitch=r.randrange(-8192, 8192)),
        lambda: mido.Message("control_change", channel=channel, control=r.randrange(128), value=r.randrange(128)),
        lambda: mido.Message("program_change", channel=channel, program=r.randrange(128)),
        lambda: mido.Message("note_off", channel=channel, note=5, velocity=1),  # ends nothing
    ]
    return [(r.randrange(end + 1), r.choice(makers)()) for _ in range(r.randrange(12))]


def voice(r, channel, ticks, steps, low=50, high=80, hang=True):
    """One voice near the sixteenth grid: swing, jitter, legato and staccato, either style of note_off; perhaps one note never ends."""
    events, step = [], r.randrange(6)
    per, swing, zero = ticks / 4, r.choice([0, 0, 0.3]), r.random() < 0.5
    notes = []
    while step < steps:
        length = r.choice([1, 1, 2, 2, 3, 4, 6])
        offset = (swing if step % 2 else 0) + r.uniform(-0.1, 0.1)
        notes.append((max(round((step + offset) * per), 0), round((step + length + r.choice([0, -0.4, 0.3])) * per), r.randrange(low, high)))
        step += length + r.choice([0, 0, 0, 1, 5])
    for number, (on, off, pitch) in enumerate(notes):
        end = min(off, next((later for later, _, other in notes[number + 1 :] if other == pitch), off))
        events.append((on, mido.Message("note_on", channel=channel, note=pitch, velocity=r.randrange(1, 128))))
        if hang and number == len(notes) - 1 and r.random() < 0.3:
            continue
        kind = {"type": "note_on", "velocity": 0} if zero else {"type": "note_off", "velocity": r.randrange(128)}
        events.append((max(end, on + 1), mido.Message(channel=channel, note=pitch, **kind)))
    return sorted(events, key=lambda e: (e[0], e[1].type == "note_on" and e[1].velocity > 0))


def meters(r, ticks):
    """Time signatures, and how many steps the piece has."""
    events, step = [], 0
    if r.random() < 0.2:
        events.append((0, mido.MetaMessage("time_signature", numerator=1, denominator=4)))
        step = 4
    known = [(4, 4), (3, 4), (6, 8), (2, 4), (2, 2)]
    for number in range(r.randrange(1, 4)):
        numerator, denominator = r.choice(known if number == 0 else list(METERS))
        if events or r.random() < 0.8 or (numerator, denominator) != (4, 4):
            signature = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
            events.append((round(step * ticks / 4), signature))
        step += METERS[numerator, denominator] * r.randrange(1, 4)
    return events, step


def song_file(seed, chords=False):
    """A file of type 0, 1 or 2 with a melody among other things; with `chords`, its channel has other notes too."""
    r = random.Random(seed)
    midi_type, ticks = r.choice([0, 1, 1, 2]), r.choice([24, 96, 120, 480, 960])
    signatures, steps = meters(r, ticks)
    end = round(steps * ticks / 4)
    channel = r.randrange(9)
    melody = voice(r, channel, ticks, steps, hang=not chords)
    if chords:
        melody += voice(r, channel, ticks, steps, 50, 60, hang=False)
    other = [voice(r, 15, ticks, steps, 30, 60), voice(r, 9, ticks, steps, 35, 50)][: r.randrange(3)]
    eot = [(end + r.choice([0, 0, ticks * 3]), mido.MetaMessage("end_of_track"))]
    own = [*([] if r.random() < 0.5 else [(0, mido.MetaMessage("track_name", name="Lead"))]), *junk(r, channel, end)]
    file = mido.MidiFile(type=midi_type, ticks_per_beat=ticks)
    if midi_type == 0:
        everything = signatures + own + melody + [e for events in other for e in events]
        file.tracks.append(track_of([*everything, *(eot if max(e[0] for e in everything) <= eot[0][0] else [])]))
        wanted = sorted({m.channel for _, m in everything if m.type == "note_on"}).index(channel)
        return Made(saved(file), 0, wanted, channel)
    tracks = [track_of(signatures + junk(r, 0, end)), mido.MidiTrack(), *(track_of(o) for o in other)]
    r.shuffle(tracks) if midi_type == 2 else None
    place = r.randrange(1, len(tracks) + 1)
    mine = own + melody + (signatures if midi_type == 2 else [])
    tracks.insert(place, track_of([*mine, *(eot if max(e[0] for e in mine) <= eot[0][0] else [])]))
    file.tracks += tracks
    return Made(saved(file), place, place, channel)
