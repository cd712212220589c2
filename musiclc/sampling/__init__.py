"""From constraints to new melodies.

sample.py  what the command line and a notebook call: `sample`, `SampleOptions`
rounds.py  rounds of draws: from a melody's number and the seed to the candidate that is delivered
"""
