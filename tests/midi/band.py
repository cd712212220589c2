"""A five-track file worked by hand, and what tests of new bars look at: every event but the melody's notes, each note as it is played."""

import mido

from tests.songs import absolute, loaded, saved, track_of

QUARTER, BAR = 480, 1920
CHANNEL, VOICE = 3, 1  # the melody's channel and track
PITCHES = (60, 64, 67, 72)


def note(at, pitch, velocity=70, channel=CHANNEL, length=360):
    """Its two events."""
    on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
    return [(at, on), (at + length, mido.Message("note_off", channel=channel, note=pitch, velocity=11))]


def quarters(bars=8, pitches=PITCHES, start=0):
    """Four quarter notes a bar that sound three quarters of their length; downbeats at velocity 100, others at 70."""
    return [
        event
        for bar in range(bars)
        for beat in range(4)
        for event in note(start + bar * BAR + beat * QUARTER, pitches[beat] + bar % 2, 70 if beat else 100)
    ]


def band(melody=None, bars=8, extra=(), signature=(4, 4), end=None):
    """The file's bytes: tempos and markers, the melody among controllers, bass, silence, drums. melody: its notes' events."""
    last = bars * BAR if end is None else end
    eot = [(last, mido.MetaMessage("end_of_track"))]
    head = [
        (0, mido.MetaMessage("track_name", name="Band")),
        (0, mido.MetaMessage("time_signature", numerator=signature[0], denominator=signature[1])),
        (0, mido.MetaMessage("set_tempo", tempo=600_000)),
        (BAR, mido.MetaMessage("marker", text="one")),
        (2 * BAR + 7, mido.MetaMessage("set_tempo", tempo=500_000)),
        (min(6 * BAR, last), mido.MetaMessage("set_tempo", tempo=400_000)),
        *extra,
    ]
    voice = [
        (0, mido.MetaMessage("track_name", name="Voice")),
        (0, mido.Message("program_change", channel=CHANNEL, program=73)),
        (10, mido.Message("control_change", channel=CHANNEL, control=11, value=99)),
        *(quarters(bars) if melody is None else melody),
        *((min(bar * BAR + 1000, last), mido.Message("control_change", channel=CHANNEL, control=1, value=bar)) for bar in range(bars)),
        *((min(bar * BAR + 480, last), mido.Message("pitchwheel", channel=CHANNEL, pitch=bar)) for bar in range(bars)),
        (min(BAR + 480, last), mido.MetaMessage("lyrics", text="la")),
    ]
    bass = [(0, mido.MetaMessage("track_name", name="Bass")), *(e for bar in range(bars) for e in note(bar * BAR, 36, 60, 1, 960) if e[0] <= last)]
    drums = [(0, mido.MetaMessage("track_name", name="Drums")), *(e for bar in range(bars) for e in note(bar * BAR + 480, 38, 90, 9, 10))]
    file = mido.MidiFile(type=1, ticks_per_beat=QUARTER)
    tracks = (head, voice, bass, [], drums)
    file.tracks += [track_of([*sorted(events, key=lambda e: e[0]), *eot]) for events in tracks]
    return saved(file)


def others(data, channel=CHANNEL):
    """Every event but the melody's notes, by track: (tick, message)."""
    return [[e for e in absolute(t) if not (e[1].type in ("note_on", "note_off") and e[1].channel == channel)] for t in loaded(data).tracks]


def played(data, track=VOICE, channel=CHANNEL):
    """The melody's notes as (on, off, pitch, velocity, off velocity), of one pitch the first to begin the first to end."""
    waiting, found = {}, []
    for tick, m in absolute(loaded(data).tracks[track]):
        if m.type == "note_on" and m.velocity and m.channel == channel:
            waiting.setdefault(m.note, []).append((tick, m.velocity))
        elif m.type in ("note_on", "note_off") and m.channel == channel:
            on, velocity = waiting[m.note].pop(0)
            found.append((on, tick, m.note, velocity, m.velocity))
    assert not any(waiting.values()), "every note ends"
    return sorted(found)
