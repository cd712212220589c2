"""The engine: find points of a latent space that please critics. Tensors in, tensors out; knows no music and imports nothing else of ours.

search.py   the search functions: guided, gradient, langevin, chosen, vector, acted
critics.py  networks that foretell what a rule will measure of a point, and objectives made of them
fitting.py  fitting critics, the realism critic and actors, in seconds to minutes
descent.py  the one loop that fits every network, small or large
"""
