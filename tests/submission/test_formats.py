import pytest
from pydantic import BaseModel

from podium.config.formats import Format, RunLengthCode, named_formats, resolve_format
from podium.errors import PodiumError


def test_named_formats_are_as_the_competitions_published_them():
    """Header, rows, order, base, empty token."""
    assert {
        name: (*form.header, form.rows, form.code.order, form.code.base, form.empty)
        for name, form in named_formats().items()
    } == {
        "dsb2018": ("ImageId", "EncodedPixels", "instance", "column", 1, ""),
        "airbus": ("ImageId", "EncodedPixels", "instance", "column", 1, ""),
        "planes": ("ImageId", "EncodedPixels", "instance", "row", 0, "[]"),
        "sartorius": ("id", "predicted", "instance", "row", 1, ""),
        "tgs_salt": ("id", "rle_mask", "image", "column", 1, ""),
        "hubmap": ("id", "predicted", "image", "column", 1, ""),
        "contrails": ("record_id", "encoded_pixels", "image", "column", 1, "-"),
        "carvana": ("img", "rle_mask", "image", "row", 1, ""),
        "vesuvius": ("Id", "Predicted", "image", "row", 1, ""),
        "siim": ("ImageId", "EncodedPixels", "image", "column", 0, "-1"),
    }


def test_fields_spelled_out():
    fields = named_formats()["planes"].model_dump()
    assert resolve_format(fields) == named_formats()["planes"]
    assert resolve_format({**fields, "empty": "-"}).empty == "-"


def test_unknown_name_gives_the_nearest_and_all():
    with pytest.raises(PodiumError, match=r"'dsb_2018'; did you mean 'dsb2018'\?.*airbus, carvana, contrails"):
        resolve_format("dsb_2018")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": "row"}, "order: Extra inputs"),
        ({"code": {"order": "diagonal", "base": 1}}, "code.order: Input should be 'column' or 'row'"),
        ({"code": {"order": "row", "base": 2}}, "code.base"),
        ({"value_column": "ImageId"}, "both 'ImageId'"),
    ],
)
def test_wrong_fields(change, words):
    with pytest.raises(PodiumError, match=words):
        resolve_format({**named_formats()["planes"].model_dump(), **change})


@pytest.mark.parametrize("section", [Format, RunLengthCode])
def test_every_field_is_described(section: type[BaseModel]):
    assert [name for name, field in section.model_fields.items() if not field.description] == []
