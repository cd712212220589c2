"""From a folder of music to a model.

corpus.py   tunes → four-bar windows → a dataset file, split by tune;  scores.py  ABC, MusicXML and kern, by music21
tunes.py    whole tunes in playing order → a dataset file; works.py, lines.py, playing.py and written.py, from the last to the first step:
            files → works, bars → melody lines, written bars → bars as they are heard, music21's parts → written bars
fit.py      fitting the VAE and the prior;  critics.py  fitting all that steers them;  labels.py  a rule taught by two folders
run.py      a run in a folder, resumed where it stopped;  recipe.py  the shipped model's stages
"""
