import pytest

from podium.workflow.script import asked_gpus


@pytest.mark.parametrize(
    ("resources", "number"),
    [
        ({}, 0),
        ({"gpu": 0}, 0),
        ({"gpu": 4, "mem_mb": 1000}, 4),
        ({"gres": "gpu:4"}, 4),
        ({"gres": "'gpu:2'"}, 2),
        ({"gres": "gpu:a100:3"}, 3),
        ({"gres": "gpu:a100"}, 1),
        ({"gres": "gpu"}, 1),
        ({"gres": "lscratch:100,gpu:2"}, 2),
        ({"gres": "lscratch:100"}, 0),
    ],
)
def test_gpus_that_a_job_asks_for(resources, number):
    assert asked_gpus(resources) == number
