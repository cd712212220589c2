"""A composer's own file, changed as little as the constraints allow.

transform.py  what the command line and a notebook call: `transform`, `EditOptions`, `Edit`
piece.py      a piece of any length as the editor sees it, and windows of four bars on it
rewrite.py    masks and counts, by beam search;  steer.py  everything else, by critics and small changes;  mutations.py  the small changes
edit.py       which of them is tried when;  vary.py  pieces near a piece, and between two
"""
