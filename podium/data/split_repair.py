"""After the stratification: what must be in a part is brought there, and the sizes are made right, with few moves.

All arithmetic that decides is on integers, so that every machine decides alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from podium.data.split_units import Units

DEEPEST = 5
"""The most moves that one need may take; nearly all take one."""

WORK = 3000
"""The most moves that are tried for one need at one depth; bounds the time where a need cannot be met."""

SCALE = 2**20
"""Label costs are fractions, rounded to one part in this many."""


@dataclass(frozen=True)
class Need:
    """At least `units` units that have `column` (of Units.holds) in each of at least `in_parts` of the `parts`."""

    column: int
    parts: tuple[int, ...]
    units: int = 1
    in_parts: int = 1


def repair(units: Units, part: np.ndarray, targets: Sequence[int], needs: Sequence[Need]) -> np.ndarray:
    """Meet the needs, then bring the parts' sizes to their targets.

    Needs are met in their order: a later one never undoes an earlier one that was met. Each is met with the fewest
    moves; of equally many, those that take the last of no category from a part, then those that keep sizes and
    labels nearest to their shares. A need that takes more than `DEEPEST` moves, or has none, is left unmet.

    Sizes are then moved one unit at a time, as long as that lowers the sum of the squared deviations from the targets
    and leaves every met need met. So between any two parts the deviations differ by no more than the smallest unit of
    the larger part, unless a need holds that unit; with single images and no such need, sizes are the targets.

    Parameters
    ----------
    part
        int (units,): the part of each unit, counting from 0; not changed.
    targets
        Images wanted in each part; their sum is the number of images.

    Returns
    -------
    numpy.ndarray
        int (units,): the parts after repair.
    """
    division = _Division(units, part, targets)
    for need in needs:
        division.meet(need)
    division.level()
    return division.part


class _Division:
    def __init__(self, units: Units, part: np.ndarray, targets: Sequence[int]):
        self.sizes, self.labels, self.holds = units.sizes, units.labels.astype(np.int64), units.holds
        self.columns = [np.flatnonzero(row).tolist() for row in units.holds]
        self.part = np.array(part)
        self.targets = np.array(targets)
        self.met: dict[int, list[Need]] = {}
        parts = range(len(targets))
        self.images = np.array([self.sizes[self.part == each].sum() for each in parts])
        self.labelled = np.array([self.labels[self.part == each].sum(axis=0) for each in parts])
        self.held = np.array([self.holds[self.part == each].sum(axis=0) for each in parts])

    def move(self, unit: int, to: int) -> None:
        for table, row in (
            (self.images, self.sizes[unit]),
            (self.labelled, self.labels[unit]),
            (self.held, self.holds[unit]),
        ):
            table[self.part[unit]] -= row
            table[to] += row
        self.part[unit] = to

    def is_met(self, need: Need) -> bool:
        return sum(self.held[part, need.column] >= need.units for part in need.parts) >= need.in_parts

    def meet(self, need: Need) -> None:
        """Meet a need without breaking those met before, with the fewest moves (iterative deepening), if it can be."""
        kept = self.met.setdefault(need.column, [])
        kept.append(need)
        for depth in range(DEEPEST + 1):
            self.work = WORK
            if self._search([] if self.is_met(need) else [need], frozenset(), depth):
                return
        kept.pop()

    def _search(self, unmet: list[Need], moved: frozenset[int], depth: int) -> bool:
        if not unmet:
            return True
        if depth == 0:
            return False
        for unit, to in self._candidates(unmet[0], moved):
            if self.work == 0:
                return False
            self.work -= 1
            origin = self.part[unit]
            self.move(unit, to)
            still = [need for need in dict.fromkeys([*unmet, *self._at_stake(unit)]) if not self.is_met(need)]
            if self._search(still, moved | {unit}, depth - 1):
                return True
            self.move(unit, origin)
        return False

    def _at_stake(self, unit: int) -> Iterator[Need]:
        for column in self.columns[unit]:
            yield from self.met.get(column, ())

    def _candidates(self, need: Need, moved: frozenset[int]) -> list[tuple[int, int]]:
        """Return the (unit, part) that bring the need nearer, the least harmful first."""
        ranked = []
        lonely = (self.held == 1).astype(np.int64)
        for to in need.parts:
            if self.held[to, need.column] >= need.units:
                continue
            units = np.flatnonzero(self.holds[:, need.column] & (self.part != to))
            units = units[[unit not in moved for unit in units.tolist()]] if moved else units
            lost = (self.holds[units] * lonely[self.part[units]]).sum(axis=1)
            costs = lost, self._size_change(units, to), self._label_cost(units, to)
            ranked += zip(*(cost.tolist() for cost in costs), units.tolist(), [to] * len(units), strict=True)
        return [(unit, to) for *_, unit, to in sorted(ranked)]

    def _size_change(self, units: np.ndarray, to: int) -> np.ndarray:
        """Half the change of the sum of the parts' squared deviations from their targets."""
        excess = self.images - self.targets
        return self.sizes[units] * (excess[to] - excess[self.part[units]] + self.sizes[units])

    def _label_cost(self, units: np.ndarray, to: int) -> np.ndarray:
        """How much further a move takes the labels from their shares; a rare label weighs as much as a common one."""
        total = self.labelled.sum(axis=0)
        share = np.outer(self.targets, total) / self.targets.sum()
        pressure = np.rint((self.labelled - share) / np.maximum(total, 1) * SCALE).astype(np.int64)
        own_weight = np.rint(SCALE / np.maximum(total, 1)).astype(np.int64)
        cost = np.empty(len(units), dtype=np.int64)
        for origin in np.unique(self.part[units]):
            here = self.part[units] == origin
            cost[here] = self.labels[units[here]] @ (pressure[to] - pressure[origin] + own_weight)
        return cost

    def level(self) -> None:
        while self._level_once():
            pass

    def _level_once(self) -> bool:
        ranked = []
        for to in range(len(self.targets)):
            units = np.flatnonzero(self.part != to)
            change = self._size_change(units, to)
            units, change = units[change < 0], change[change < 0]
            costs = change, self._label_cost(units, to)
            ranked += zip(*(cost.tolist() for cost in costs), units.tolist(), [to] * len(units), strict=True)
        for *_, unit, to in sorted(ranked):
            origin = self.part[unit]
            self.move(unit, to)
            if all(self.is_met(need) for need in self._at_stake(unit)):
                return True
            self.move(unit, origin)
        return False
