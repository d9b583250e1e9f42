"""Files are there wholly or not at all, whatever happens to the writer."""

import errno
import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import PodiumError
from podium.files import canonical_json, file_digest, read_json, text_digest, whole, write_json, write_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def reordered(value, random):
    """Return the same value with the keys of its mappings in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: reordered(value[key], random) for key in keys}
    return [reordered(each, random) for each in value] if isinstance(value, list) else value


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_with_its_folder_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "a" / "b" / "result.csv"
    with whole(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
        temporary.write_bytes(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert names(path.parent) == ["result.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "result.csv"
    path.write_text("old")
    with pytest.raises(error), whole(path) as temporary:
        temporary.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["result.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_disk_is_an_error_for_the_user_of_torch_too(tmp_path):
    state = {"weights": torch.zeros(100_000)}
    with (
        pytest.raises(PodiumError, match=r"result\.pt: the disk is full") as caught,
        whole(tmp_path / "result.pt") as file,
    ):
        file.symlink_to("/dev/full")
        with file.open("wb") as full:
            torch.save(state, full)
    assert "make room" in caught.value.mend
    with pytest.raises(OSError, match="I/O"), whole(tmp_path / "result.pt"):
        raise OSError(errno.EIO, "I/O error")
    assert names(tmp_path) == []


def test_a_failing_block_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "result.json", {"loss": float("nan")})
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "result.txt", "\ud800")
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.csv"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), whole(path):
        pass
    assert path.read_text() == "old"


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    program = (
        "import sys, time\n"
        "from podium.files import whole\n"
        "with whole(sys.argv[1]) as temporary, temporary.open('w') as file:\n"
        "    file.write('half'); file.flush()\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "written\n"
        finally:
            writer.kill()
    assert writer.returncode == -9
    assert path.read_text() == "old"
    # What the dead writer left does not stand in the way of the next.
    write_text(path, "new")
    assert path.read_text() == "new"


def test_readers_see_one_whole_file_or_another(tmp_path):
    path = tmp_path / "result.json"
    texts = {letter: [letter] * 50_000 for letter in "ab"}
    write_json(path, texts["a"])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for value in texts.values():
                write_json(path, value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [read_json(path) for _ in range(150)]
    finally:
        stop.set()
        writer.join()
    assert all(value in texts.values() for value in seen)
    assert {value[0] for value in seen} == {"a", "b"}


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "text", "Ä\nb\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\x84\nb\n"


@given(value=values)
def test_json_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "value.json"
    try:
        write_json(path, value)
    except UnicodeEncodeError:
        return  # lone surrogates are no text
    assert read_json(path) == value
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_json_number_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "value.json", [value])
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"value": value})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "the file is missing"),
        (b'{"a": ', "not valid JSON: Expecting value"),
        (b'"\xff"', "not valid JSON: 'utf-8'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, told):
    path = tmp_path / "value.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PodiumError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"file {path}: {told}")


@given(values, st.randoms(use_true_random=False))
def test_equal_values_have_one_canonical_text(value, random):
    text = canonical_json(value)
    assert canonical_json(reordered(value, random)) == text
    assert json.loads(text) == value


def test_the_canonical_text_is_known():
    assert canonical_json({"b": [1, 2.5, None], "a": {"é": True}}) == '{"a":{"é":true},"b":[1,2.5,null]}'
    assert canonical_json({"a": 1}) != canonical_json({"a": "1"})


def test_digests_are_sha256(tmp_path):
    # From FIPS 180-2, appendix B.1.
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_digest("abc") == abc
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == abc
    large = bytes(range(256)) * 10_000
    (tmp_path / "large").write_bytes(large)
    assert file_digest(tmp_path / "large") == hashlib.sha256(large).hexdigest()
