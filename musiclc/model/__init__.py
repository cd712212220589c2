"""The networks, and the engine tied to them.

vae.py         four bars ↔ one latent point;  prior.py  the flow over the bar vectors;  beam.py  beam search through the decoder
bank.py        decoded points on which any rule is scored in moments
checkpoint.py  `Model`, and model files: `load`, `loaded`, `load_model`, `save_model`
numerics.py    how wide the networks' numbers are, and what a melody's bits depend on
methods.py     the search methods, as `--method` names them;  decode.py  points → melodies, scores, likelihoods
"""
