"""Inputs broken at random, for every reader: each must end in a result or in one line of MusiclcError, in time and in memory.

readers.py  what is read, from which sound inputs;  mutations.py  what is done to them;  __main__.py  the command:

    python -m tests.fuzz                     which readers there are
    python -m tests.fuzz midi -n 20000       so many inputs by seed; what fails is written to fuzz-found/
    python -m tests.fuzz midi --atheris --minutes 10     coverage-guided, where atheris is installed

test_fuzz.py runs a few of each in the suite, and keeps as regressions what the long runs found.
"""
