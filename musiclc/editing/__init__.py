"""A composer's own file, changed as little as the constraints allow.

request.py    what is asked for: `EditOptions`, `TransformRequest`, `VaryRequest`, `InterpolateRequest`; loads no network
commands.py   what the command line and a batch call: `run`, `edits`
transform.py  what a notebook calls: `transform`, and below it one file as an `Edit`;  vary.py  pieces near a piece, and between two
keys.py       a piece brought to another key, before any search;  scope.py  the whole piece, or some of its bars
edit.py       what is tried when: `edited`, the one way to rewrite.py (allowed pitches and numbers of notes, by beam search), emphasis.py (a tonic
              nearly heard) and steer.py
              (everything else, by critics and the small changes of mutations.py)
lines.py      what an edit is asked, and the search for a window's likeliest lines;  piece.py  the piece, and windows of four bars on it
"""
