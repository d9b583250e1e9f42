"""Weights in Detectron2's files, read so that a file cannot run code.

A `.pkl` of Detectron2's model zoo is a pickle of NumPy arrays. A pickle names functions that its reader calls; this
reader calls none that a file names, only its own stand-ins for the few that arrays are made of.
"""

import copyreg
import math
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from podium.errors import PodiumError

_MEND = "fetch the file again from a source that you trust"


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the weights of a model of Detectron2's, under its names, on the CPU.

    Parameters
    ----------
    path
        A `.pkl` (a dict of arrays, or one under the key `model`), or a `.pth` as Detectron2's training writes it.

    Raises
    ------
    PodiumError
        The file is missing, cut off, asks for code to be run, holds anything but finite numbers, or is a backbone in
        the names of Caffe2 or of torchvision, which takes guesses to fit.
    """
    path = Path(path)
    if not path.is_file():
        raise PodiumError("there is no such file of weights", file=path)
    content = _read_pickle(path) if path.suffix == ".pkl" else _read_torch(path)
    if isinstance(content, dict) and content.get("matching_heuristics"):
        _refuse_backbone(path)
    weights = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not weights:
        raise PodiumError(f"no weights are in it, but a {type(weights).__name__}", file=path)
    weights = {name: _tensor(path, name, value) for name, value in weights.items() if name != "__author__"}
    if not any("." in name for name in weights):
        _refuse_backbone(path)
    return weights


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise PodiumError(f"not read, for it holds more than weights: {reason}", file=path, mend=_MEND) from error


def _read_pickle(path: Path) -> object:
    try:
        with path.open("rb") as file:
            # Functions that other code registered by numbers are looked up by their names again, which are refused.
            copyreg.clear_extension_cache()
            # Files of Python 2 hold bytes as text.
            content = _Reader(file, encoding="latin1").load()
    except _Refused as refused:
        raise PodiumError(
            f"not read, for it asks for {refused}, and weights are made of arrays alone", file=path, mend=_MEND
        ) from None
    # What a pickle can make its reader raise has no bounds.
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise PodiumError(f"this is no whole pickle of arrays ({reason})", file=path, mend=_MEND) from error
    return content


def _tensor(path: Path, name: object, value: object) -> Tensor:
    """Return a weight as a tensor; PodiumError unless it is named and holds finite numbers."""
    if not isinstance(name, str):
        raise PodiumError(f"a weight's name is a text, not a {type(name).__name__}", file=path)
    if isinstance(value, _Array):
        if value.array is None:
            raise PodiumError("the array has no content", file=path, record=name, mend=_MEND)
        value = torch.tensor(value.array)
    if not isinstance(value, Tensor):
        raise PodiumError(f"a weight is an array of numbers, not a {type(value).__name__}", file=path, record=name)
    if value.layout != torch.strided:
        raise PodiumError(f"a weight is a dense array, not {value.layout}", file=path, record=name)
    if not (value.is_floating_point() or name.endswith(".num_batches_tracked")):
        raise PodiumError(f"a weight is an array of floating-point numbers, not {value.dtype}", file=path, record=name)
    if not value.isfinite().all():
        raise PodiumError(
            "the weights are not finite: the training that made them diverged",
            file=path,
            record=name,
            mend="take an earlier checkpoint of that training",
        )
    return value


def _refuse_backbone(path: Path) -> None:
    raise PodiumError(
        "these are the weights of an ImageNet backbone, not of a detector, and in other names than a detector's",
        file=path,
        key="model.weights",
        mend="start from a detector that was trained on COCO, as COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x",
    )


class _Refused(Exception):
    """A pickle asks for something that arrays do without."""


class _Reader(pickle.Unpickler):
    """An unpickler that finds stand-ins only.

    They are instances without attributes, so that a pickle can neither make instances of their class nor change them.
    """

    def find_class(self, module: str, name: str) -> object:
        found = _STANDINS.get((module, name))
        if found is None:
            raise _Refused(f"{module}.{name}"[:200])
        return found

    def persistent_load(self, pid: object) -> object:
        raise _Refused("an object by its persistent id")


class _Array:
    """An array that is being unpickled."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray | None = None):
        self.array = array

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, fortran, data = state
        self.array = _array(data, dtype, shape, "F" if fortran is True else "C")


class _DType:
    """A type of numbers that is being unpickled."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype):
        self.dtype = dtype

    def __setstate__(self, state: tuple) -> None:
        """Take the byte order; fields and metadata, which numbers do not have, are refused."""
        _version, order, *rest = state
        if order not in ("<", ">", "=", "|") or any(value not in (None, -1, 0) for value in rest):
            raise _Refused("a type of numbers with fields")
        self.dtype = self.dtype.newbyteorder(order)


class _Dict(dict):
    """An OrderedDict that is being unpickled: the order is a dict's anyway, and attributes are forgotten."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        pass


class _Standin:
    """What a pickle gets for a name that it asks for."""

    __slots__ = ()


class _NdarrayClass(_Standin):
    """numpy.ndarray, which pickles only name."""

    __slots__ = ()


class _Reconstruct(_Standin):
    """numpy.core.multiarray._reconstruct: an array without content, which follows."""

    __slots__ = ()

    def __call__(self, kind: object, shape: object, code: object) -> _Array:
        if not isinstance(kind, _NdarrayClass):
            raise _Refused("an array of a class of its own")
        return _Array()


class _DTypeClass(_Standin):
    """numpy.dtype."""

    __slots__ = ()

    def __call__(self, code: object, align: object = False, copy: object = True) -> _DType:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(code, str) or code not in _NUMBERS:
            raise _Refused(f"arrays of {str(code)[:20]!r}, which are no numbers")
        return _DType(np.dtype(code))


class _Scalar(_Standin):
    """numpy.core.multiarray.scalar: one number."""

    __slots__ = ()

    def __call__(self, dtype: object, data: object) -> _Array:
        return _Array(_array(data, dtype, (), "C"))


class _FromBuffer(_Standin):
    """numpy.core.numeric._frombuffer: an array with its content, in pickles of protocol 5."""

    __slots__ = ()

    def __call__(self, data: object, dtype: object, shape: object, order: object) -> _Array:
        return _Array(_array(data, dtype, shape, "F" if order == "F" else "C"))


class _Encode(_Standin):
    """_codecs.encode: how protocol 2 holds bytes in Python 3."""

    __slots__ = ()

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise _Refused("text in another code than latin1")
        return text.encode("latin1")


class _DictClass(_Standin):
    """collections.OrderedDict."""

    __slots__ = ()

    def __call__(self, items: object = ()) -> _Dict:
        return _Dict(items)


# Floats, integers and booleans, by the codes that numpy pickles.
_NUMBERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"}

_STANDINS = {
    ("numpy", "ndarray"): _NdarrayClass(),
    ("numpy", "dtype"): _DTypeClass(),
    ("collections", "OrderedDict"): _DictClass(),
    ("_codecs", "encode"): _Encode(),
}
for _core in ("numpy.core", "numpy._core"):
    _STANDINS |= {
        (f"{_core}.multiarray", "_reconstruct"): _Reconstruct(),
        (f"{_core}.multiarray", "scalar"): _Scalar(),
        (f"{_core}.numeric", "_frombuffer"): _FromBuffer(),
    }


def _array(data: object, dtype: object, shape: object, order: str) -> np.ndarray:
    """Return numbers from their bytes, in this machine's byte order."""
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, _DType):
        raise _Refused("an array that is not made of bytes")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise _Refused("an array without a shape")
    if len(data) != math.prod(shape) * dtype.dtype.itemsize:
        raise _Refused(f"an array of {shape} from {len(data)} bytes")
    array = np.frombuffer(data, dtype.dtype).reshape(shape, order=order)
    return array.astype(dtype.dtype.newbyteorder("="))
