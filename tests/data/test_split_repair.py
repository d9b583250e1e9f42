"""The repair against an exhaustive search over all divisions of few units."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.data.split_repair import Need, repair
from podium.data.split_units import Units


def make(holds, sizes=None):
    holds = np.array(holds, dtype=bool)
    sizes = np.array([1] * len(holds) if sizes is None else sizes)
    images, number = [], 0
    for size in sizes.tolist():
        images.append(list(range(number, number + size)))
        number += size
    return Units(images, sizes, holds, holds)


def is_met(need, part, holds):
    counts = [
        sum(bool(row[need.column]) and here == each for row, here in zip(holds, part, strict=True))
        for each in need.parts
    ]
    return sum(count >= need.units for count in counts) >= need.in_parts


def deviation(part, sizes, targets):
    return sum(
        (sum(size for size, here in zip(sizes, part, strict=True) if here == each) - target) ** 2
        for each, target in enumerate(targets)
    )


@st.composite
def problems(draw):
    units, columns, parts = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(2, 3))
    holds = draw(st.lists(st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=units, max_size=units))
    sizes = draw(st.lists(st.integers(1, 6), min_size=units, max_size=units))
    part = draw(st.lists(st.integers(0, parts - 1), min_size=units, max_size=units))
    need = st.builds(
        Need,
        st.integers(0, columns - 1),
        st.sets(st.integers(0, parts - 1), min_size=1).map(sorted).map(tuple),
        units=st.integers(1, 2),
        in_parts=st.integers(1, 2),
    )
    first = draw(st.integers(0, sum(sizes)))
    targets = [first, sum(sizes) - first] + [0] * (parts - 2)
    return holds, sizes, part, targets, draw(st.lists(need, max_size=4))


@given(problems())
@settings(max_examples=200, deadline=None)
def test_needs_are_met_in_order_wherever_any_division_meets_them(problem):
    holds, sizes, part, targets, needs = problem
    result = repair(make(holds, sizes), np.array(part), targets, needs).tolist()
    possible = list(product(range(len(targets)), repeat=len(holds)))
    accepted = []
    for need in needs:
        meeting = [each for each in possible if is_met(need, each, holds)]
        if meeting:
            possible = meeting
            accepted.append(need)
    assert all(is_met(need, result, holds) for need in accepted)

    # No move of one unit that keeps the needs brings the sizes nearer.
    for unit, to in product(range(len(holds)), range(len(targets))):
        moved = [to if index == unit else here for index, here in enumerate(result)]
        if deviation(moved, sizes, targets) < deviation(result, sizes, targets):
            assert not all(is_met(need, moved, holds) for need in accepted)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_what_needs_no_repair_stays(problem):
    holds, sizes, part, targets, needs = problem
    once = repair(make(holds, sizes), np.array(part), targets, needs)
    assert repair(make(holds, sizes), once, targets, needs).tolist() == once.tolist()


def test_a_need_may_take_a_chain_of_moves():
    # Part 0 wants column 0, which only unit 0 has; unit 0 alone gives column 1 to part 1, unit 1 column 2 to part 2.
    holds = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    needs = [Need(1, (1,)), Need(2, (2,)), Need(0, (0,))]
    part = repair(make(holds), np.array([1, 2, 0, 0]), [2, 1, 1], needs)
    assert part.tolist() == [0, 1, 2, 0]


def test_the_move_that_keeps_sizes_and_shares_is_taken():
    # Part 1 lacks column 0. Units 0 to 3 have it; 2 and 3 have column 1 too, of which part 1 has enough.
    holds = [[1, 0], [1, 0], [1, 1], [1, 1], [0, 1], [0, 1], [0, 0], [0, 0]]
    part = repair(make(holds), np.array([0, 0, 0, 0, 1, 1, 0, 0]), [5, 3], [Need(0, (1,))])
    assert part.tolist() in ([1, 0, 0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("surplus", [1, 7, 20])
def test_as_many_units_move_as_there_are_too_many(surplus):
    before = np.array([0] * (30 + surplus) + [1] * (30 - surplus))
    holds = np.ones((60, 1))
    after = repair(make(holds), before, [30, 30], [])
    assert (before != after).sum() == surplus
    assert (after == 0).sum() == 30
