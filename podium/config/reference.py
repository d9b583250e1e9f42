"""The tables of config/README.md, made from the sections' own descriptions."""

import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticUndefined

from podium.config.competition import Competition
from podium.config.problems import NAME_PATTERN
from podium.config.section import Name
from podium.files import canonical_json

FILE = Path(__file__).parents[2] / "config" / "README.md"
BEGIN, END = "<!-- keys: made by `make schema` -->", "<!-- end of keys -->"


def reference_text() -> str:
    """Return config/README.md with its tables made anew; what stands outside the markers is kept."""
    head, rest = FILE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n\n{_tables(Competition, '')}\n{END}{tail}"


def _tables(model: type[BaseModel], path: str) -> str:
    """Return a table of a section's keys and, after it, those of the sections inside it."""
    title = f"`{path}`" if path else "The file"
    lines = [f"### {title}", "", "| key | values | default | meaning |", "|---|---|---|---|"]
    inner = []
    for name, field in model.model_fields.items():
        if any(isinstance(mark, SkipJsonSchema) for mark in field.metadata):
            continue  # filled in when a file is checked
        sections = _sections(field.annotation)
        lines.append(
            f"| `{name}` | {_values(field, sections)} | {_default(field)} | {_escaped(field.description or '')} |"
        )
        for section, below in sections:
            tag = f" ({section.model_fields['kind'].annotation.__args__[0]})" if len(sections) > 1 else ""
            inner.append(_tables(section, f"{path}.{name}{below}{tag}".lstrip(".")))
    return "\n".join([*lines, "", *inner])


def _sections(annotation: Any) -> list[tuple[type[BaseModel], str]]:
    """List the sections that a key can hold, each with what its path goes on with."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if issubclass(annotation, RootModel) else [(annotation, "")]
    if get_origin(annotation) is dict:
        return [(section, f".<name>{below}") for section, below in _sections(get_args(annotation)[1])]
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [found for option in get_args(annotation) for found in _sections(option)]
    return []


def _values(field: FieldInfo, sections: list) -> str:
    if sections:
        return "see below"
    schema = field.annotation
    if NAME_PATTERN in [getattr(each, "pattern", None) for each in field.metadata]:
        return "name"
    return _escaped(" ".join(filter(None, [_type_name(schema), _limits(field.metadata)])))


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is Annotated:
        if annotation == Name:
            return "name"
        base, *constraints = get_args(annotation)
        found = [each for one in constraints for each in getattr(one, "metadata", [one])]
        return " ".join(filter(None, [_type_name(base), _limits(found)]))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type_name(option) for option in get_args(annotation))
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return f"mapping of {_type_name(key)} to {_type_name(value)}"
    if get_origin(annotation) in (tuple, list):
        first, *more = get_args(annotation)
        exactly = f" (exactly {1 + len(more)})" if more and Ellipsis not in more else ""
        return f"list{exactly} of {_type_name(first)}"
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return "list of transforms"
    names = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}
    names[Any] = "any values"
    return names[annotation]


def _limits(constraints: Iterable[Any]) -> str:
    """Return the limits of a number, without those that follow from others: ≥ 0 says nothing beside > 0."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "multiple_of": "multiple of"}
    found = {
        name: max(values) if name in ("gt", "ge") else min(values)
        for name in signs
        if (values := [getattr(each, name) for each in constraints if getattr(each, name, None) is not None])
    }
    for strict, other, tightest in (("gt", "ge", max), ("lt", "le", min)):
        if strict in found and other in found:
            del found[other if tightest(found[strict], found[other]) == found[strict] else strict]
    return " ".join(f"{signs[name]} {value:g}" for name, value in found.items())


def _default(field: FieldInfo) -> str:
    if field.default_factory:
        return "it depends"
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, RootModel):
        return f"`{canonical_json(field.default.model_dump(mode='json'))}`"
    if isinstance(field.default, BaseModel):
        return ""
    return f"`{canonical_json(field.default)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
