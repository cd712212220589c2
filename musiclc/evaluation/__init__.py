"""Every published figure, each made by `musiclc evaluate`, with its baselines beside it.

samples.py    reconstruction, samples, copies, cost;  constraints.py  methods × rules, targets, rules of one's own
edits.py      edits of whole tunes;  tunes.py  those tunes and what is asked of them;  untouched.py, arranged.py  what else changes in a file
trigram.py    an independent judge of melodies;  report.py  tables and plots as files
"""
