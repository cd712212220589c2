"""From constraints to new melodies, and to new bars in pieces that are there.

request.py  what is asked for: `SampleRequest`, `SampleOptions`, and the table `METHODS`; loads no network
sample.py   what the command line, a batch and a notebook call: `run`, `sample`, `sample_by_key`
rounds.py   rounds of draws: from an item's number and the seed to the candidate that is delivered

fill_request.py  what continuing, infilling and bridging are asked for: `FillRequest` of three kinds, `FillOptions`; loads no network
fill.py          what the command line, a batch and a notebook call: `run`, `continued`, `preceded`, `infilled`, `bridged`
setting.py       what is asked of the networks that write the bars: `Setting`, `Filled`
"""
