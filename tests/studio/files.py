"""MIDI files of several tracks, written out by mido."""

import io
import random


def several(tracks: int, bars: int, notes_a_bar: int, seed: int = 1) -> bytes:
    """A melody, and tracks below it; the last is drums where there are five or more."""
    import mido

    file, luck = mido.MidiFile(ticks_per_beat=480), random.Random(seed)
    for number in range(tracks):
        drums = number == 4
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("track_name", name="Melody" if number == 0 else f"Part {number}"))
        channel, base = (9 if drums else number), 72 - 9 * number
        track.append(mido.Message("program_change", channel=channel, program=(0, 48, 24, 33, 0)[number % 5]))
        length, pitch = 1920 // notes_a_bar, base
        for _ in range(bars * notes_a_bar):
            pitch = luck.choice((36, 38, 42)) if drums else min(max(pitch + luck.choice((-2, -1, 1, 2)), base - 7), base + 7)
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=80, time=0))
            track.append(mido.Message("note_off", channel=channel, note=pitch, velocity=0, time=length))
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()
