"""The errors that musiclc raises on purpose. Each message is one line: what came, what was wanted, the likely slip.

`code` is the exit code that the command line gives it (contract.md, "Streams and exit codes"). What a library or a user's function says may
have lines of its own: `one_line` is for all that print errors.
"""


class MusiclcError(Exception):
    """Something failed at run time, in a way that the message explains."""

    code = 1


class UsageError(MusiclcError, ValueError):
    """Constraints or options that cannot be understood: an unknown key, goal, rule or option value."""

    code = 2


class InputError(MusiclcError):
    """A file that cannot be read, or that holds no usable melody."""

    code = 4


class CheckpointError(MusiclcError):
    """A model file that is broken, foreign or of another version."""


LONGEST_LINE = 2000  # characters: names and goals from files may be of any length


def one_line(error: object) -> str:
    """What an error says, on one line, the middle of a very long one left out."""
    said = " ".join(str(error).split())
    return said if len(said) <= LONGEST_LINE else f"{said[: LONGEST_LINE // 2]} … {said[-LONGEST_LINE // 2 :]}"
