"""Rules of one's own: a Python function in a file, or two folders of MIDI, becomes a rule like any other.

functions.py  a function as a rule;  labels.py  a rule that two folders taught;  critics.py  their critics, and the cache of them;
identity.py   what a function is known by in the cache;  request.py  what requests of commands share: values by option, constraints among them

Others use `parse`, what --rule takes, and from the modules `rule_of_function`, `constraint`, `bound`, `cached`, `forget`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from musiclc.custom.functions import FILE, constraint_of_file
from musiclc.rules import parse_rule_option, split_weight
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

__all__ = ["parse"]


def parse(text: str, model: "Callable[[], Model] | None" = None) -> Constraint:
    """A constraint from what --rule takes: "NAME=GOAL", "FILE.py:FUNCTION", "FILE.py:FUNCTION=GOAL", or the NAME of a labelled
    critic; @WEIGHT may follow. Raises UsageError.

    model: gives the loaded model of the run, for labelled critics, which ask for it when they first measure; the shipped one when absent.
    Where constraints are parsed before there is a model, labels.bound tells them later.
    """
    body, weight = split_weight(text)
    if match := FILE.fullmatch(body.strip()):
        return constraint_of_file(Path(match["file"]), match["function"], match["goal"], weight)

    from musiclc.custom import labels

    if "=" not in body and labels.path_of(body.strip()).exists():
        return labels.constraint(body.strip(), weight, model)
    return parse_rule_option(text)
