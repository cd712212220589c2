"""What a run of a batch did, and the exit code that it stands for.

Inside: `BatchResult`.
"""

from dataclasses import dataclass, field
from typing import Any

MISSED = 3  # the code of a strict job that misses a constraint


@dataclass
class BatchResult:
    """What a run did. made, kept, removed: files. spared: finished files that stay though their jobs changed, since JOBS has mistakes or the
    changed jobs fail.

    missed: files that miss a constraint. failures: job → (error, code).
    """

    made: int = 0
    kept: int = 0
    removed: int = 0
    spared: int = 0
    missed: int = 0
    failures: dict[str, tuple[str, int]] = field(default_factory=dict)
    strict: set[str] = field(default_factory=set)  # jobs that fail by a missed constraint

    @property
    def code(self) -> int:
        """The exit code: 1 when some job failed, 3 when strict ones only missed a constraint."""
        codes = {code for _, code in self.failures.values()}
        return 0 if not codes else MISSED if codes == {MISSED} else 1

    def has_failed(self, job: str) -> bool:
        """Whether the job's files are not to stay: a job that only missed a constraint keeps them."""
        return self.failures.get(job, ("", MISSED))[1] != MISSED

    def judge(self, job: str, entry: dict[str, Any]) -> None:
        """Note what misses a constraint; a strict job fails by it, though its files stay."""
        if entry.get("satisfied", True):
            return
        self.missed += 1
        if job in self.strict:
            self.failures.setdefault(job, ('strict: a constraint is not satisfied; see "warnings" in the manifest', MISSED))
