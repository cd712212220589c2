"""Every published figure, each made by `musiclc evaluate`, with its baselines beside it.

samples.py    reconstruction, samples, copies, cost;  constraints.py  methods × rules, targets, rules of one's own
edits.py      edits of whole tunes;  tunes.py  those tunes and what is asked of them;  untouched.py, arranged.py  what else changes in a file
pieces.py     whole pieces beside real tunes;  asked.py  whole pieces that are asked for;  makers.py  where both come from
trigram.py    an independent judge of melodies;  report.py  all of them by name, as tables and plots, on the screen and as files

Inside: `SECTIONS`, `PIECE_PARTS`.
"""

# section of `musiclc evaluate` → its parts, for --part; one table a section where there are none. What makes them stands in report.py.
SECTIONS: dict[str, tuple[str, ...]] = {
    "reconstruction": (),
    "samples": (),
    "copies": (),
    "cost": (),
    "constraints": ("methods", "rules", "targets", "rejection", "own", "rare"),
    "transform": ("constraints", "back", "identity", "frontier", "events", "length"),
}
PIECE_PARTS = ("likeness", "ratios", "copies", "returns", "ending", "infilling", "keys", "form", "single", "reconstruction", "cost")  # of pieces
