"""What the checks found: records that were left out, mended, or are worth knowing about."""

from dataclasses import dataclass, field
from typing import Literal

from podium.config.layout import Checks
from podium.errors import PodiumError

_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes
    ----------
    record
        Which record, in words: `image abc`, `annotation 17`.
    problem
        What was found, as a sentence that quotes the value.
    file
        The file that holds it, relative to the archive.
    key
        The key in the record.
    """

    record: str
    problem: str
    file: str | None = None
    key: str | None = None

    def entry(self) -> dict:
        return {"record": self.record, "file": self.file, "key": self.key, "problem": self.problem}


@dataclass
class Quarantine:
    """The findings of a dataset, in the order in which they are listed.

    Attributes
    ----------
    images, annotations
        Left out for a fault of their own.
    orphans
        Annotations left out because their image was; `checks.images` decides about them.
    mended, notes
        Changed; only worth knowing.
    annotations_dropped
        How many were left out because the configuration drops their categories; a note for each category.
    """

    images: list[Finding] = field(default_factory=list)
    annotations: list[Finding] = field(default_factory=list)
    orphans: list[Finding] = field(default_factory=list)
    mended: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    annotations_dropped: int = 0

    def leave_out(
        self,
        kind: Literal["image", "annotation", "orphan"],
        record: str,
        problem: str,
        *,
        file: str | None = None,
        key: str | None = None,
    ) -> None:
        findings = {"image": self.images, "annotation": self.annotations, "orphan": self.orphans}
        findings[kind].append(Finding(record, problem, file, key))

    def mend(self, record: str, problem: str, *, file: str | None = None, key: str | None = None) -> None:
        self.mended.append(Finding(record, problem, file, key))

    def note(self, record: str, problem: str, *, file: str | None = None, key: str | None = None) -> None:
        self.notes.append(Finding(record, problem, file, key))

    def drop(self, record: str, number: int, problem: str) -> None:
        """Note that annotations were left out as configured, which is no fault of theirs."""
        self.annotations_dropped += number
        self.note(record, problem, key="checks.drop_categories")

    def extend(self, other: "Quarantine") -> None:
        """Append another's findings, as those of one image to those of all."""
        self.images += other.images
        self.annotations += other.annotations
        self.orphans += other.orphans
        self.mended += other.mended
        self.notes += other.notes
        self.annotations_dropped += other.annotations_dropped

    def enforce(self, checks: Checks) -> None:
        """Raise a PodiumError with the first findings where the policy is to stop."""
        failing = [
            finding
            for policy, findings in ((checks.images, self.images), (checks.annotations, self.annotations))
            if policy == "fail"
            for finding in findings
        ]
        if not failing:
            return
        lines = [
            ", ".join(part for part in (finding.file, finding.record, finding.key) if part) + f": {finding.problem}"
            for finding in failing[:_SHOWN]
        ]
        if len(failing) > _SHOWN:
            lines.append(f"… and {len(failing) - _SHOWN} more")
        raise PodiumError(
            f"records that fail their checks: {len(failing)}\n" + "\n".join(lines),
            mend="correct them in the archive, or set checks.images and checks.annotations to quarantine, "
            "which leaves them out and lists them",
        )

    def content(self) -> dict:
        """Return what quarantine.json holds."""
        return {
            "left_out": [finding.entry() for finding in (*self.images, *self.annotations, *self.orphans)],
            "mended": [finding.entry() for finding in self.mended],
            "notes": [finding.entry() for finding in self.notes],
            "counts": {
                "images_left_out": len(self.images),
                "annotations_left_out": len(self.annotations) + len(self.orphans),
                "annotations_dropped": self.annotations_dropped,
                "mended": len(self.mended),
                "notes": len(self.notes),
            },
        }
