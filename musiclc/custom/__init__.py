"""Rules of one's own: a Python function in a file, or two folders of MIDI, becomes a rule like any other.

functions.py  a function as a rule;  labels.py  a rule that two folders taught;  critics.py  their critics, and the cache of them;
identity.py   what a function is known by in the cache;  request.py  what requests of commands share: values by option, constraints among them;
sections.py   goals of sections, as people write them;  examples.py  rules that files make: motif, avoid

Others use `parse`, what --rule takes, and from the modules `rule_of_function`, `constraint`, `bound`, `cached`, `forget`.
"""

from pathlib import Path

from musiclc.custom.examples import EXAMPLES, parse_goal
from musiclc.custom.functions import FILE, constraint_of_file
from musiclc.rules import parse_rule_option, split_weight
from musiclc.rules.base import Constraint

__all__ = ["parse"]


def parse(text: str) -> Constraint:
    """A constraint from what --rule takes: "NAME=GOAL", "FILE.py:FUNCTION", "FILE.py:FUNCTION=GOAL", or the NAME of a labelled
    critic; @WEIGHT may follow. Raises UsageError.

    A labelled critic is the shipped model's until labels.bound gives it that of the run.
    """
    body, weight = split_weight(text)
    if match := FILE.fullmatch(body.strip()):
        return constraint_of_file(Path(match["file"]), match["function"], match["goal"], weight)

    from musiclc.custom import labels

    if labels.is_name(body.strip()) and labels.path_of(body.strip()).exists():
        return labels.constraint(body.strip(), weight)
    name, _, goal = text.partition("=")
    if name.strip() in EXAMPLES:
        return parse_goal(name.strip(), goal)
    return parse_rule_option(text)
