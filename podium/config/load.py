"""From YAML files to a checked competition, or to an error that says where and what."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from podium.config.competition import Competition
from podium.errors import PodiumError


def load_competition(files: Sequence[str | Path]) -> Competition:
    """Read one YAML file, or one and its overlays: mappings are merged, anything else is replaced by the later file."""
    merged: dict = {}
    for file in files:
        merged = merge(merged, read_yaml(file))
    return check_competition(merged, files)


def check_competition(raw: Mapping, files: Sequence[str | Path] = ()) -> Competition:
    """Check a configuration that was read already (by Snakemake, with its command line's values in it).

    Parameters
    ----------
    raw
        The configuration as plain mappings and lists.
    files
        The YAML files that it came from; used to name the file and line of a wrong key.

    Raises
    ------
    PodiumError
        With a paragraph for every wrong key: file and line, key path, value, what is allowed, the nearest known key.
    """
    try:
        return Competition.model_validate(raw)
    except ValidationError as error:
        problems = [_explain(problem, raw, files) for problem in error.errors()]
        raise PodiumError("\n".join(["the configuration is wrong.", *problems])) from None


def read_yaml(file: str | Path) -> dict:
    """Read a YAML mapping; PodiumError where the file is missing, malformed or no mapping."""
    try:
        value = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PodiumError("the configuration file is missing", file=file) from None
    except yaml.YAMLError as error:
        raise PodiumError(f"not valid YAML: {error}", file=file) from None
    if not isinstance(value, dict):
        raise PodiumError(f"a configuration is a mapping of keys to values, not {value!r}", file=file)
    return value


def merge(base: Mapping, overlay: Mapping) -> dict:
    """Lay one mapping over another as Snakemake does with several --configfile: mappings deeply, all else replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def _explain(problem: dict, raw: Mapping, files: Sequence[str | Path]) -> str:
    path = _path_in(raw, problem["loc"], problem["type"])
    key = ".".join(map(str, path)) or "(the whole file)"
    place = _place(path, files)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(path[:-1], raw)
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}? " if near else ""
        return f"{place}{key}: unknown key; {advice}Known keys here: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"{place}{key}: this key is required and missing"
    message = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    shown = "" if isinstance(value, (Mapping, list)) or problem["type"] == "value_error" else f" (it is {value!r})"
    return f"{place}{key}: {message}{shown}"


def _path_in(raw: object, loc: Sequence, kind: str) -> list:
    """Drop from pydantic's location what is no key of the file: the tags of unions, the marker `[key]`."""
    path, here = [], raw
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if (isinstance(here, Mapping) and step in here) or (isinstance(here, list) and isinstance(step, int)):
            here = here[step]
        elif not (last and kind == "missing"):
            continue
        path.append(step)
    return path


def _place(path: Sequence, files: Sequence[str | Path]) -> str:
    """Name file and line of the deepest part of `path` that a file holds; the last file that holds most of it wins."""
    best = (0, "")
    for file in files:
        node = yaml.compose(Path(file).read_text(encoding="utf-8"))
        depth, line = 0, 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(step)]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = [(node.value[step], node.value[step])]
            else:
                found = []
            if not found:
                break
            line, node, depth = found[-1][0].start_mark.line + 1, found[-1][1], depth + 1
        if depth >= best[0]:
            best = (depth, f"{file}, line {line}: ")
    return best[1]


def _known_keys(path: Sequence, raw: Mapping) -> list[str]:
    """List the keys that the schema allows at a place."""
    schema = Competition.model_json_schema()
    here, value = schema, raw
    for step in [*path, None]:
        while True:
            if "$ref" in here:
                here = schema["$defs"][here["$ref"].rsplit("/", 1)[1]]
            elif "discriminator" in here:
                tag = value.get(here["discriminator"]["propertyName"])
                here = {"$ref": here["discriminator"]["mapping"][tag]}
            elif "anyOf" in here:
                here = next(option for option in here["anyOf"] if option.get("type") != "null")
            else:
                break
        if step is None:
            return sorted(here.get("properties", {}))
        value = value[step]
        named = here.get("properties", {}).get(step)
        here = named or next(iter(here.get("patternProperties", {}).values()), None) or here.get("items") or {}
    raise AssertionError("unreachable")
