from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from podium.data.dataset import Dataset
from podium.training.detection import DetectionTask
from podium.training.detection_samples import DetectionSamples
from podium.training.order import Batches, Place, loaded, seed_part
from podium.training.segmentation import SegmentationTask

from .tiny import detection, draw_dataset, segmentation

AUGMENTATION = [
    {"HorizontalFlip": {"p": 0.5}},
    {"RandomRotate90": {"p": 0.5}},
    {"RandomBrightnessContrast": {"p": 0.7}},
    {"GaussNoise": {"p": 0.5}},
]


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 5), st.integers(1, 30))
def test_every_epoch_is_a_permutation(length, ims_per_batch, seed, stop):
    places = [place for batch in Batches(length, ims_per_batch, seed, 0, stop) for place in batch]
    assert [(place.iteration, place.position) for place in places] == [
        (iteration, position) for iteration in range(stop) for position in range(ims_per_batch)
    ]
    indices = [place.index for place in places]
    for start in range(0, len(indices) - length + 1, length):
        assert sorted(indices[start : start + length]) == list(range(length))
    rest = indices[len(indices) - len(indices) % length :]
    assert len(set(rest)) == len(rest)


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 3), st.integers(0, 25), st.integers(0, 25))
def test_a_run_begun_anywhere_goes_on_the_same_way(length, ims_per_batch, seed, start, more):
    whole = list(Batches(length, ims_per_batch, seed, 0, start + more))
    tail = Batches(length, ims_per_batch, seed, start, start + more)
    assert list(tail) == whole[start:]
    assert len(tail) == more


@given(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_processes_and_parts_share_each_batch_without_gap_or_overlap(length, processes, accumulate, size, start):
    parts = processes * accumulate
    whole = list(Batches(length, parts * size, 1, start, start + 3))
    shares = []
    for rank in range(processes):
        own = range(rank * accumulate, (rank + 1) * accumulate)
        share = Batches(length, parts * size, 1, start, start + 3, parts, own)
        shares.append(list(share))
        assert len(shares[-1]) == len(share) == 3 * accumulate
        assert all(len(part) == size for part in shares[-1])
    for number, batch in enumerate(whole):
        run = slice(number * accumulate, (number + 1) * accumulate)
        assert [place for share in shares for part in share[run] for place in part] == batch


def test_orders_differ_by_epoch_and_by_seed():
    orders = {
        tuple(place.index for batch in islice(Batches(20, 20, seed, epoch, epoch + 1), 1) for place in batch)
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_an_iteration_draws_the_same_numbers_whatever_came_before():
    drawn = {}
    for iteration in (0, 1, 2, 1, 0):
        seed_part(7, iteration, 0)
        numbers = tuple(torch.rand(3).tolist())
        assert drawn.setdefault(iteration, numbers) == numbers
    assert len(set(drawn.values())) == 3
    for part in (1, 2):
        seed_part(7, 1, part)
        assert tuple(torch.rand(3).tolist()) not in drawn.values()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return draw_dataset(tmp_path_factory.mktemp("order") / "dataset")


def _detection_task(dataset):
    sizes = {"min_size_train": (48, 64, 80), "crop_train": 56, "augmentation": AUGMENTATION}
    return DetectionTask(None, dataset, [1, 2, 3, 4, 5], [6], detection(sizes=sizes), 100)


def _segmentation_task(dataset):
    return SegmentationTask(None, dataset, [1, 2, 3, 4, 5], [6], segmentation(crops={"augmentation": AUGMENTATION}))


def _flat(batch):
    """List the tensors of a batch in order."""
    if isinstance(batch, torch.Tensor | int):
        return [torch.as_tensor(batch)]
    return [tensor for part in (batch.values() if isinstance(batch, dict) else batch) for tensor in _flat(part)]


@pytest.mark.parametrize("task", [_detection_task, _segmentation_task])
def test_workers_change_no_bit_and_no_start_does(task, dataset):
    task = task(dataset)

    def batches(workers, start=0, stop=7):
        order = Batches(len(task.samples), 3, 11, start, stop)
        return [_flat(batch) for batch in loaded(task.samples, order, task.collate, workers)]

    alone = batches(0)
    assert len(alone) == 7
    for other in (batches(1), batches(3), batches(0, 0, 4) + batches(2, 4)):
        assert len(other) == 7
        for ours, theirs in zip(alone, other, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    # The same sample in two epochs is augmented differently: otherwise the above would hold for no augmentation at all.
    assert len({tensor.sum().item() for batch in alone for tensor in batch if tensor.ndim >= 3}) > 5


def test_workers_share_the_pixels_of_objects(dataset):
    samples = SegmentationTask(None, dataset, [1, 2, 3], [6], segmentation()).samples
    before = samples.draw(3, np.random.default_rng(1))
    assert not samples.objects.block.is_shared()
    order = Batches(len(samples), 2, 0, 0, 2)
    assert len(list(loaded(samples, order, SegmentationTask.collate, 1))) == 2
    assert samples.objects.block.is_shared()
    assert all(map(np.array_equal, samples.draw(3, np.random.default_rng(1)), before))


def test_a_place_tells_where_its_sample_goes(dataset):
    settings = detection().input
    samples = DetectionSamples(dataset, [1, 2, 3], settings)
    (batch,) = Batches(len(samples), 2, 0, 4, 5)
    assert batch == [Place(4, 0, batch[0].index), Place(4, 1, batch[1].index)]
