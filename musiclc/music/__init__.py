"""What music is to musiclc: Python and numpy, neither torch nor files.

theory.py   pitch names, scales, keys, chords, meters
melody.py   one voice on a grid of sixteenths, frozen and checked once
tokens.py   melodies as rows of integers, a token a step, and vectorised views of a batch of them
"""
