"""From constraints to new melodies.

request.py  what is asked for: `SampleRequest`, `SampleOptions`, and the table `METHODS`; loads no network
sample.py   what the command line, a batch and a notebook call: `run`, `sample`, `sample_by_key`
rounds.py   rounds of draws: from an item's number and the seed to the candidate that is delivered
"""
