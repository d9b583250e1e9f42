"""What pydantic finds wrong, in the words of someone who writes the file."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

from pydantic import BaseModel, ValidationError

from podium.config.nearest import did_you_mean
from podium.config.section import Name

NAME_PATTERN = Name.__metadata__[0].pattern


def problems(error: ValidationError, raw: Mapping, model: type[BaseModel]) -> list[tuple[list, str]]:
    """Return what is wrong with `raw`, which should have been a `model`: places in it, and lines that name the keys.

    A fault is told once. What each of the kinds of value that a key may have says of it becomes one line; of a section
    or a list nothing is told where something inside of it is wrong, which is why.
    """
    schema = _schema(model)
    found: list[tuple[list, dict]] = []
    for problem in error.errors():
        path = _path_in(raw, problem["loc"], problem["type"])
        if _is_of_a_key(problem):
            path[-1] = problem["input"]  # of a key `on` the location has 1, not true
        same = next((other for there, other in found if there == path and _are_kinds(problem, other)), None)
        if same:
            same["msg"] += problem["msg"].replace("Input should be", " or")
        else:
            found.append((path, problem))
    outer = {tuple(path[:end]) for path, _ in found for end in range(len(path))}
    left = [(path, problem) for path, problem in found if tuple(path) not in outer or _is_of_a_key(problem)]
    return [_told(path, problem, raw, schema) for path, problem in left]


def _is_of_a_key(problem: dict) -> bool:
    """Whether it is a name that is wrong, not what it names."""
    return problem["loc"][-1:] == ("[key]",)


def _are_kinds(one: dict, other: dict) -> bool:
    """Whether these are what two kinds of value say of one, of which the key may have either."""
    return one["input"] is other["input"] and all(each["msg"].startswith("Input should be ") for each in (one, other))


def _told(path: list, problem: dict, raw: Mapping, schema: dict) -> tuple[list, str]:
    kind, value = problem["type"], problem["input"]
    message = problem["msg"].removeprefix("Value error, ")
    if not path and kind == "value_error":
        # What joins several sections names its key at the beginning of its message.
        return re.match(r"[\w.-]*", message)[0].split("."), message
    place, key = path, ".".join(map(_shown, path)) or "(the whole file)"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        # pydantic blames the section; it is one key of it that is wrong.
        known = list(_schema_at(schema, path, raw, any_kind=True)["discriminator"]["mapping"])
        tag_key = problem["ctx"]["discriminator"].strip("'")
        place, key = [*path, tag_key], f"{key}.{tag_key}"
        if kind == "union_tag_not_found":
            message = f"this key is required and missing; one of: {', '.join(known)}"
        else:
            tag = problem["ctx"]["tag"]
            message = f"{tag!r} is unknown; {did_you_mean(tag, known)}Known: {', '.join(known)}"
    elif kind == "missing":
        place, message = path[:-1], "this key is required and missing"
    elif kind == "extra_forbidden":
        known = sorted(_schema_at(schema, path[:-1], raw).get("properties", {}))
        message = f"unknown key; {did_you_mean(str(path[-1]), known)}Known keys here: {', '.join(known)}"
    elif kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] != NAME_PATTERN:
        message = f"{value!r} is not what belongs here: {_description(schema, path, raw)}"
    elif kind != "value_error":
        message = _wording(problem)
        message += "" if isinstance(value, Mapping | list) else f" (it is {_shown(value, quoted=True)})"
    return place, f"{key}: {message}"


def _wording(problem: dict) -> str:
    kind, message = problem["type"], problem["msg"]
    if kind == "string_pattern_mismatch":
        return "a name has letters, digits, - and _ only, and begins with a letter or a digit"
    if kind == "string_type" and isinstance(problem["input"], bool | int | float | date):
        return "put it in quotes: without them YAML does not take it for text"
    message = re.sub(r" or (instance of \w+|object to extract fields from)| after validation", "", message)
    for ours, theirs in (("list", "tuple"), ("List", "Tuple"), ("mapping", "dictionary")):
        message = message.replace(theirs, ours)
    return message


def _shown(value: object, quoted: bool = False) -> str:
    """Return a value as a YAML file has it, nearly."""
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    return repr(value) if quoted else str(value)


def _path_in(raw: object, loc: Sequence, kind: str) -> list:
    """Drop from pydantic's location what is no key of the file: the tags of unions, the marker `[key]`."""
    path, here = [], raw
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if (isinstance(here, Mapping) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        ):
            here = here[step]
        elif not (last and kind == "missing"):
            continue
        path.append(step)
    return path


def _description(schema: dict, path: Sequence, raw: Mapping) -> str:
    """Return what the nearest described key on the way to a place says of itself."""
    for end in range(len(path), 0, -1):
        named = _schema_at(schema, path[: end - 1], raw).get("properties", {}).get(path[end - 1], {})
        if "description" in named:
            return named["description"]
    return ""


@cache
def _schema(model: type[BaseModel]) -> dict:
    return model.model_json_schema()


def _schema_at(schema: dict, path: Sequence, raw: Mapping, any_kind: bool = False) -> dict:
    """Return the JSON schema of a place; with `any_kind` that of the choice between kinds, not of the chosen one."""
    here, value = schema, raw
    for index in range(len(path) + 1):
        while True:
            if "$ref" in here:
                here = schema["$defs"][here["$ref"].rsplit("/", 1)[1]]
            elif "discriminator" in here and not (any_kind and index == len(path)):
                here = {"$ref": _chosen(here["discriminator"], value, schema["$defs"])}
            elif "anyOf" in here:
                here = next(option for option in here["anyOf"] if option.get("type") != "null")
            else:
                break
        if index < len(path):
            value = value[path[index]]
            named = here.get("properties", {}).get(path[index])
            here = named or next(iter(here.get("patternProperties", {}).values()), None) or here.get("items") or {}
    return here


def _chosen(discriminator: dict, value: Mapping, sections: dict) -> str:
    """Return the reference to the chosen kind; where none is named it is the one that need not be."""
    key, kinds = discriminator["propertyName"], discriminator["mapping"]
    if key in value:
        return kinds[value[key]]
    return next(ref for ref in kinds.values() if key not in sections[ref.rsplit("/", 1)[1]].get("required", ()))
