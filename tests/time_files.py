"""By hand: python -m tests.time_files [NOTES]. Seconds of the processor and memory that reading grows by, for files twice as large each time.

Files of one track, of 65,535 tracks, of karaoke and of type 2: time and memory must grow as the file does.
"""

import resource
import sys
import time

from musiclc.errors import MusiclcError
from musiclc.midi import read_notes, read_song
from musiclc.midi.codec import END_OF_TRACK, NOTE_OFF, NOTE_ON, encoded, message, meta_message

LYRIC = 0x05


def line(notes, channel=0, words=False):
    """A track of so many eighths, with a lyric each where there are words."""
    events = []
    for number in range(notes):
        pitch = 60 + (number * 7) % 12
        if words:
            events.append(meta_message(number * 240, LYRIC, b"la "))
        events.append(message(number * 240, NOTE_ON | channel, pitch, 80))
        events.append(message(number * 240 + 230, NOTE_OFF | channel, pitch, 0))
    return [*events, meta_message(notes * 240, END_OF_TRACK)]


KINDS = {
    "one track": lambda notes: encoded(1, 480, [line(notes)]),
    "karaoke": lambda notes: encoded(0, 480, [line(notes, words=True)]),
    "type 2": lambda notes: encoded(2, 480, [line(notes // 4) for _ in range(4)]),
    "many tracks": lambda notes: encoded(1, 480, [line(4, channel=n % 9) for n in range(min(notes // 4, 65_535))]),
}


def measured(data):
    """Seconds of the processor that reading takes."""
    began = time.process_time()
    for read in (lambda: read_song(data), lambda: read_notes("x.mid", data)):
        try:
            read()
        except MusiclcError as error:
            print(f"  {error}")
    return time.process_time() - began


def main(most):
    for kind, made in KINDS.items():
        sizes = [most // 8, most // 4, most // 2, most]
        for notes in sizes:
            data = made(notes)
            print(f"{kind}: {notes} notes, {len(data)} bytes: {measured(data):.2f} s", flush=True)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB in all")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
