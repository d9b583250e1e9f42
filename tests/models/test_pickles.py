"""Weights in Detectron2's files: what is right comes out right, and nothing that a file names is ever called."""

import collections
import contextlib
import copyreg
import pickle

import numpy as np
import pytest
import torch

from podium.errors import PodiumError
from podium.models.pickles import read_weights

NAME = "backbone.bottom_up.stem.conv1.weight"


def arrays():
    rng = np.random.default_rng(3)
    return {
        NAME: rng.normal(size=(4, 3, 2, 2)).astype(np.float32),
        "a.bias": rng.normal(size=5),
        "half.weight": rng.normal(size=(2, 3)).astype(np.float16),
        "turned.weight": np.asfortranarray(rng.normal(size=(3, 4)).astype(np.float32)),
        "foreign.weight": rng.normal(size=(2, 2)).astype(">f4"),
        "norm.num_batches_tracked": np.array(7),
        "scale.weight": np.float32(0.25),
    }


def written(folder, content, protocol=2, suffix=".pkl"):
    file = folder / f"weights{suffix}"
    file.write_bytes(pickle.dumps(content, protocol=protocol))
    return file


def check(read, expected):
    assert list(read) == list(expected)
    for name, value in expected.items():
        assert read[name].shape == np.shape(value)
        np.testing.assert_array_equal(read[name].numpy(), np.asarray(value))


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_protocol(protocol, tmp_path):
    check(read_weights(written(tmp_path, {"model": arrays(), "__author__": "me"}, protocol)), arrays())
    check(read_weights(written(tmp_path, collections.OrderedDict(arrays()), protocol)), arrays())


def test_a_file_as_python_2_wrote_it(tmp_path):
    """Bytes are text there, and the modules have their old names."""
    values = np.array([[1.5, -2.0, 3.25]], dtype=np.float32)
    data = values.tobytes()
    file = tmp_path / "weights.pkl"
    file.write_bytes(
        b"\x80\x02}(U\x05modelq\x01}q\x02U\x05fc.biq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01K\x01K\x03\x86cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(data)]) + data + b"tbsu."
    )
    assert pickle.loads(file.read_bytes(), encoding="latin1")["model"]["fc.bi"].tolist() == values.tolist()
    check(read_weights(file), {"fc.bi": values})


def test_a_pth_of_a_training(tmp_path):
    weights = {"a.weight": torch.rand(2, 3), "n.num_batches_tracked": torch.tensor(4)}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.rand(3))], lr=0.1, momentum=0.9)
    file = tmp_path / "model_final.pth"
    torch.save({"model": weights, "optimizer": optimizer.state_dict(), "iteration": 99}, file)
    check(read_weights(file), {name: value.numpy() for name, value in weights.items()})
    torch.save(collections.OrderedDict(weights), file)
    check(read_weights(file), {name: value.numpy() for name, value in weights.items()})


class Touch:
    """Unpickled by a careless reader it makes a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


def by_name(canary):  # GLOBAL and REDUCE
    return b"cio\nopen\n(X%sX\x01\x00\x00\x00wtR." % _text(canary)


def by_stack(canary):  # STACK_GLOBAL
    return b"\x80\x04\x8c\x02io\x8c\x04open\x93(X%sX\x01\x00\x00\x00wtR." % _text(canary)


def by_instance(canary):  # INST
    return b"(X%sX\x01\x00\x00\x00wiio\nopen\n." % _text(canary)


def by_object(canary):  # OBJ
    return b"(cio\nopen\nX%sX\x01\x00\x00\x00wo." % _text(canary)


def by_extension(canary):  # EXT1, of a registry that the process filled
    return b"\x80\x02\x82\xf0(X%sX\x01\x00\x00\x00wtR." % _text(canary)


def by_one_of_many(canary):  # among weights that are right
    return pickle.dumps({"model": {**arrays(), "evil": Touch(canary)}, "__author__": "me"}, protocol=2)


def by_object_array(canary):  # a NumPy array whose elements are unpickled
    return pickle.dumps({"a.weight": np.array([Touch(canary), None], dtype=object)}, protocol=2)


def by_key(canary):
    return b"\x80\x02}cio\nopen\n(X%sX\x01\x00\x00\x00wtRK\x01s." % _text(canary)


def by_attribute(canary):  # protocol 4 looks up dotted names
    return b"\x80\x04\x8c\x07pathlib\x8c\x0aPath.touch\x93\x8c\x07pathlib\x8c\x04Path\x93X%s\x85R\x85R." % _text(canary)


def _text(path):
    encoded = str(path).encode()
    return len(encoded).to_bytes(4, "little") + encoded


@pytest.fixture
def extension():
    """Extension code 240 for io.open, used once, as by another part of the process: it is then found without a name."""
    copyreg.add_extension("io", "open", 240)
    pickle.loads(b"\x80\x02\x82\xf0.")
    yield
    copyreg.remove_extension("io", "open", 240)
    copyreg.clear_extension_cache()


ATTACKS = [
    *(by_name, by_stack, by_instance, by_object, by_extension),
    *(by_one_of_many, by_object_array, by_key, by_attribute),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_file_that_would_run_code_is_refused(attack, tmp_path, extension):
    file, canary = tmp_path / "model.pkl", tmp_path / "canary"
    file.write_bytes(attack(canary))
    with pytest.raises(PodiumError, match="not read, for it asks for") as caught:
        read_weights(file)
    assert caught.value.file == file
    assert not canary.exists()
    with contextlib.suppress(TypeError):  # an open file is no key
        pickle.loads(file.read_bytes(), encoding="latin1")
    assert canary.exists()


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (b"cbuiltins\neval\n.", "builtins.eval"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cnumpy.core.multiarray\nfromfile\n.", "numpy.core.multiarray.fromfile"),
        (b"cnumpy\nndarray.tofile\n.", "numpy.ndarray.tofile"),
        (b"ccollections\nOrderedDict.__init__\n.", "OrderedDict.__init__"),
        (b"c_codecs\nlookup\n.", "_codecs.lookup"),
        (b"Pthe id\n.", "persistent id"),
        (b"K\x01Q.", "persistent id"),
        (b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.", "arrays of 'O8'"),
        (b"\x80\x02cnumpy\ndtype\nU\x02V8K\x00K\x01\x87R.", "arrays of 'V8'"),
        (b"\x80\x02c_codecs\nencode\nU\x01aU\x05rot13\x86R.", "another code"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nK\x01K\x00\x85U\x01b\x87R.", "class of its own"),
    ],
)
def test_what_is_asked_for_is_named(content, asked, tmp_path):
    file = tmp_path / "model.pkl"
    file.write_bytes(content)
    with pytest.raises(PodiumError, match="not read") as caught:
        read_weights(file)
    assert asked in caught.value.problem


@pytest.mark.parametrize("content", [b"\x80\x05\x97.", b"\x80\x02ccollections\nOrderedDict\n)\x81."])
def test_instances_and_buffers_from_elsewhere(content, tmp_path):
    """NEXT_BUFFER; NEWOBJ of a class that may be named: nothing that is named is a class here."""
    file = tmp_path / "model.pkl"
    file.write_bytes(content)
    with pytest.raises(PodiumError, match="no whole pickle"):
        read_weights(file)


@pytest.mark.parametrize(
    "name",
    [b"cnumpy.core.multiarray\n_reconstruct", b"cnumpy\ndtype", b"cnumpy\nndarray", b"ccollections\nOrderedDict"],
)
def test_a_file_cannot_change_what_the_reader_uses(name, tmp_path):
    """BUILD sets attributes of whatever it is given: here of a name's value, for all that are read later."""
    file = tmp_path / "model.pkl"
    file.write_bytes(b"\x80\x02" + name + b"\nN}U\x0b__defaults__K\x01s\x86b.")
    with pytest.raises(PodiumError, match="no whole pickle"):
        read_weights(file)
    file.write_bytes(b"\x80\x02" + name + b"\n}U\x05extraK\x01sb.")
    with pytest.raises(PodiumError, match="no whole pickle"):
        read_weights(file)
    check(read_weights(written(tmp_path, arrays())), arrays())


def test_every_truncation_is_noticed(tmp_path):
    file = written(tmp_path, {"model": {"a.weight": np.ones((2, 2), np.float32)}})
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(PodiumError, match="no whole pickle of arrays") as caught:
            read_weights(file)
        assert caught.value.file == file
    file.write_bytes(whole)
    check(read_weights(file), {"a.weight": np.ones((2, 2))})


def test_an_array_of_another_length_than_its_shape(tmp_path):
    file = written(tmp_path, {"a.weight": np.ones((2, 2), np.float32)})
    file.write_bytes(file.read_bytes().replace(b"K\x02K\x02\x86", b"K\x02K\x03\x86"))
    with pytest.raises(PodiumError, match=r"an array of \(2, 3\) from 16 bytes"):
        read_weights(file)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"<html></html>"])
@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_a_file_of_another_kind(content, suffix, tmp_path):
    file = tmp_path / f"model{suffix}"
    file.write_bytes(content)
    with pytest.raises(PodiumError) as caught:
        read_weights(file)
    assert caught.value.file == file


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "no weights are in it, but a list"),
        ({}, "no weights are in it"),
        ({"model": 3}, "no weights are in it, but a int"),
        ({"model": {"a.b": "text"}}, "not a str"),
        ({"model": {"a.b": [1.0]}}, "not a list"),
        ({"model": {3: 1.0}}, "name is a text, not a int"),
    ],
)
def test_what_is_no_dict_of_arrays(content, words, suffix, tmp_path):
    file = tmp_path / f"model{suffix}"
    if suffix == ".pkl":
        written(tmp_path, content).rename(file)
    else:
        torch.save(content, file)
    with pytest.raises(PodiumError, match=words):
        read_weights(file)


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([1.0, np.nan]), "not finite"),
        (np.array([1.0, -np.inf], np.float32), "not finite"),
        (np.array([1, 2]), r"floating-point numbers, not torch\.int64"),
        (np.array([True]), r"floating-point numbers, not torch\.bool"),
    ],
)
def test_numbers_that_are_no_weights(value, words, suffix, tmp_path):
    file = tmp_path / f"model{suffix}"
    good, bad = np.ones(2), value
    if suffix == ".pkl":
        written(tmp_path, {"a.weight": good, "b.weight": bad}).rename(file)
    else:
        torch.save({"a.weight": torch.tensor(good), "b.weight": torch.tensor(bad)}, file)
    with pytest.raises(PodiumError, match=words) as caught:
        read_weights(file)
    assert caught.value.record == "b.weight"


@pytest.mark.parametrize("value", [np.array(["text"]), np.ones(2, complex), np.zeros(2, [("a", "f4")])])
def test_arrays_of_no_numbers(value, tmp_path):
    with pytest.raises(PodiumError, match="which are no numbers"):
        read_weights(written(tmp_path, {"a.weight": value}))


@pytest.mark.parametrize(
    "content",
    [
        {"conv1_w": np.ones(2, np.float32), "res2_0_branch2a_w": np.ones(2, np.float32)},
        {"model": {"stem.conv1.weight": np.ones(2)}, "__author__": "torchvision", "matching_heuristics": True},
    ],
)
def test_imagenet_backbones_are_refused_in_words(content, tmp_path):
    with pytest.raises(PodiumError, match="ImageNet backbone") as caught:
        read_weights(written(tmp_path, content))
    assert "COCO" in caught.value.mend


def test_a_hostile_pth_is_refused(tmp_path):
    file, canary = tmp_path / "model.pth", tmp_path / "canary"
    torch.save({"model": {"a.weight": torch.ones(2)}, "evil": Touch(canary)}, file)
    with pytest.raises(PodiumError, match=r"holds more than weights") as caught:
        read_weights(file)
    assert caught.value.file == file
    assert not canary.exists()
    torch.load(file, weights_only=False)
    assert canary.exists()


def test_a_plain_pickle_under_the_name_of_a_pth(tmp_path):
    file, canary = tmp_path / "model.pth", tmp_path / "canary"
    file.write_bytes(pickle.dumps(Touch(canary), protocol=2))
    with pytest.raises(PodiumError):
        read_weights(file)
    assert not canary.exists()


def test_a_missing_file(tmp_path):
    with pytest.raises(PodiumError, match="no such file"):
        read_weights(tmp_path / "model.pkl")
