import pytest
from pydantic import BaseModel

from podium.config.formats import (
    Format,
    Label,
    ObjectList,
    Probabilities,
    RunLengthCode,
    named_formats,
    resolve_format,
)
from podium.errors import PodiumError

RUNS = {"code": {"order": "row", "base": 0}}


@pytest.mark.parametrize("name", named_formats())
def test_fields_spelled_out(name):
    fields = named_formats()[name].model_dump(mode="json")
    assert resolve_format(fields) == named_formats()[name]
    assert resolve_format({**fields, "max_bytes": 5}).max_bytes == 5


def test_every_named_format_says_where_its_rules_are_written():
    sources = {name: "https://www.kaggle.com/c/" in form.description for name, form in named_formats().items()}
    assert [name for name, has in sources.items() if not has] == ["planes"]  # which was never public


def test_runs_need_no_kind():
    form = resolve_format({"id_column": "id", "value_column": "rle", "rows": "image", "empty": ""} | RUNS)
    assert form.code == RunLengthCode(order="row", base=0)


def test_unknown_name_gives_the_nearest_and_all():
    with pytest.raises(PodiumError, match=r"'dsb_2018'; did you mean 'dsb2018'\?.*airbus, carvana, cassava"):
        resolve_format("dsb_2018")


BOXES = {"kind": "objects", "words": ["score", "x", "y", "width", "height"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": "row"}, "order: Extra inputs"),
        ({"code": {"order": "diagonal", "base": 1}}, "code.order: Input should be 'column' or 'row'"),
        ({"code": {"order": "row", "base": 2}}, "code.base"),
        ({"code": {"kind": "polygons"}}, "code: .*'polygons'.*'runs', 'objects', 'label', 'probabilities'"),
        ({"value_column": "ImageId"}, "both 'ImageId'"),
        ({"size_columns": ["w", "ImageId"]}, "both 'ImageId'"),
        ({"size_columns": ["w", "w"]}, "both 'w'"),
        ({"value_column": None}, "value_column is required"),
        ({"id": "{category}"}, "must hold {image} once"),
        ({"id": "{image}_{class}"}, "no other braces"),
        ({"id": "{image}_{category}"}, "a row per category, and no other, names it"),
        ({"category_column": "class"}, "a row per category, and no other, names it"),
        ({"rows": "category"}, "a row per category, and no other, names it"),
        ({"code": BOXES}, "rows is instance, but a code of kind objects has a row per image"),
        ({"code": {**BOXES, "words": ["score", "x", "y", "x2", "y2"]}}, "x y width height, or x1 y1 x2 y2, or mask"),
        ({"code": {**BOXES, "words": ["score", "category"]}}, "x y width height, or x1 y1 x2 y2, or mask"),
        ({"code": {**BOXES, "words": ["mask", "score", "mask"]}}, "a word is there twice"),
        ({"code": {**BOXES, "words": ["confidence", "mask"]}}, "code.words.0: Input should be 'category'"),
        ({"rows": "image", "code": {"kind": "probabilities"}}, "value_column must be left out"),
        ({"rows": "image", "code": {"kind": "probabilities", "category": "x"}}, r"empty is '\[\]'.*a probability"),
    ],
)
def test_wrong_fields(change, words):
    with pytest.raises(PodiumError, match=words):
        resolve_format({**named_formats()["planes"].model_dump(), **change})


@pytest.mark.parametrize("section", [Format, RunLengthCode, ObjectList, Label, Probabilities])
def test_every_field_is_described(section: type[BaseModel]):
    assert [name for name, field in section.model_fields.items() if not field.description] == []
