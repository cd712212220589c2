"""A composer's own file, changed as little as the constraints allow.

request.py    what is asked for: `EditOptions`, `TransformRequest`, `VaryRequest`, `InterpolateRequest`; loads no network
commands.py   what the command line and a batch call: `run`, `edits`;  verify.py  whether files are what a manifest says
transform.py  what a notebook calls: `transform`, and below it one file as an `Edit`
piece.py      a piece of any length as the editor sees it, and windows of four bars on it
rewrite.py    masks and counts, by beam search;  steer.py  everything else, by critics and small changes;  mutations.py  the small changes
edit.py       which of them is tried when;  vary.py  pieces near a piece, and between two
"""
