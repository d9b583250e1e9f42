import threading
import time

import pytest

from podium.inference.ahead import ahead


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_results_come_in_order_whichever_is_done_first(threads):
    def slow_at_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return number**2

    assert list(ahead(slow_at_first, range(9), threads)) == [number**2 for number in range(9)]
    assert list(ahead(slow_at_first, [], threads)) == []


def test_no_more_than_twice_as_many_as_threads_are_begun():
    begun = []
    results = ahead(lambda number: begun.append(number) or number, range(100), 2)
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) <= 5
    results.close()
    time.sleep(0.05)
    assert len(begun) <= 5
    assert threading.active_count() == 1 or not any("ThreadPool" in t.name for t in threading.enumerate())


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_comes_where_its_result_would(threads):
    results = ahead(lambda number: 1 // number, [1, 0, 1], threads)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
