"""The error's text and its way between processes."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from podium.errors import PodiumError
from podium.files import read_json

FULL = {"file": Path("data/a.json"), "record": 7, "key": "bbox", "mend": "remove the box"}


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ({}, "the box is empty"),
        ({"file": "a.json"}, "file a.json: the box is empty"),
        ({"record": 0}, "record 0: the box is empty"),
        ({"key": "bbox"}, "key bbox: the box is empty"),
        ({"mend": "remove the box"}, "the box is empty\nTo mend it: remove the box"),
        (FULL, "file data/a.json, record 7, key bbox: the box is empty\nTo mend it: remove the box"),
    ],
)
def test_the_text_says_where_what_and_how_to_mend_it(places, text):
    error = PodiumError("the box is empty", **places)
    assert str(error) == text
    assert error.args == (text,)


class Special(PodiumError):
    pass


@pytest.mark.parametrize("kind", [PodiumError, Special])
@pytest.mark.parametrize("places", [{}, FULL])
def test_it_comes_back_from_a_pickle(kind, places):
    error = kind("the box is empty", **places)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_it_comes_back_from_another_process(tmp_path):
    file = tmp_path / "none.json"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        error = pool.submit(read_json, file).exception()
    assert type(error) is PodiumError
    assert str(error) == f"file {file}: the file is missing"
    assert error.file == file
