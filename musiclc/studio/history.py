"""Undo and redo without end: what the page shows, state after state.

Inside: `History`.
"""

from typing import Any

State = dict[str, Any]  # what the page needs to show itself again; only the page reads it


class History:
    """States in order, and which of them is shown. A state that follows an undone one takes the place of what was undone."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.at = -1

    def do(self, state: State) -> None:
        """The state follows the one that is shown; one that is the same changes nothing."""
        if self.at >= 0 and self.states[self.at] == state:
            return
        self.states[self.at + 1 :] = [state]
        self.at += 1

    def undo(self) -> State | None:
        """The state before; None at the first."""
        return self._to(self.at - 1)

    def redo(self) -> State | None:
        """The state after; None at the last."""
        return self._to(self.at + 1)

    @property
    def now(self) -> State | None:
        """The state that is shown."""
        return self.states[self.at] if self.states else None

    @property
    def told(self) -> dict[str, Any]:
        """What the page is told of it."""
        return {"now": self.now, "undo": max(self.at, 0), "redo": len(self.states) - 1 - self.at}

    def _to(self, at: int) -> State | None:
        if not 0 <= at < len(self.states):
            return None
        self.at = at
        return self.states[at]
