"""From YAML files to a checked competition, or to an error that says where and what."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from podium.config.competition import Competition
from podium.config.merging import merge
from podium.config.nearest import did_you_mean
from podium.errors import PodiumError

MERGE = "tag:yaml.org,2002:merge"
"""Tag of YAML's key `<<`."""

# libyaml's where PyYAML has it: a file of a thousand experiments takes seconds otherwise, each time that it is planned.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        With a line for every wrong key: file and line, key path, value, what is allowed, the nearest known key. Also
        where a file has the same key twice: YAML readers keep the last in silence.
    """
    for file in files:
        _refuse_doubled_keys(file)
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
    except (OSError, UnicodeDecodeError) as error:
        raise PodiumError(f"the configuration file cannot be read: {error}", file=file) from None
    except yaml.YAMLError as error:
        raise PodiumError(f"not valid YAML: {error}", file=file) from None
    if not isinstance(value, dict):
        raise PodiumError(f"a configuration is a mapping of keys to values, not {value!r}", file=file)
    return value


def _explain(problem: dict, raw: Mapping, files: Sequence[str | Path]) -> str:
    kind, value = problem["type"], problem["input"]
    path = _path_in(raw, problem["loc"], kind)
    message = problem["msg"].removeprefix("Value error, ")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        # pydantic blames the section; it is one key of it that is wrong.
        known = _known_kinds(path, raw)
        path.append(problem["ctx"]["discriminator"].strip("'"))
        if kind == "union_tag_not_found":
            message = f"this key is required and missing; one of: {', '.join(known)}"
        else:
            tag = problem["ctx"]["tag"]
            message = f"{tag!r} is unknown; {did_you_mean(tag, known)}Known: {', '.join(known)}"
        return f"{_place(path, files)}{_dotted(path)}: {message}"
    if not path and kind == "value_error":
        # What joins several sections names its key at the beginning of its message.
        named = re.match(r"[\w.-]*", message)[0].split(".")
        return f"{_place(named, files)}{message}"
    if kind == "missing":
        return f"{_place(path[:-1], files)}{_dotted(path)}: this key is required and missing"
    where = f"{_place(path, files)}{_dotted(path)}"
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1], raw)
        return f"{where}: unknown key; {did_you_mean(str(path[-1]), known)}Known keys here: {', '.join(known)}"
    for ours, theirs in (("list", "tuple"), ("List", "Tuple"), ("mapping", "dictionary")):
        message = message.replace(theirs, ours)
    shown = "" if isinstance(value, (Mapping, list)) or kind == "value_error" else f" (it is {value!r})"
    return f"{where}: {message}{shown}"


def _dotted(path: Sequence) -> str:
    return ".".join(map(str, path)) or "(the whole file)"


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


def _place(path: Sequence, files: Sequence[str | Path]) -> str:
    """Name file and line of the deepest part of `path` that a file holds; the last file that holds most of it wins.

    Nothing is named where no file holds any of it: the key is from the command line.
    """
    best = (0, "")
    for file in files:
        node = yaml.compose(Path(file).read_text(encoding="utf-8"))
        depth, line = 0, 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in _entries(node) if k.value == str(step)]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = [(node.value[step], node.value[step])]
            else:
                found = []
            if not found:
                break
            line, node, depth = found[-1][0].start_mark.line + 1, found[-1][1], depth + 1
        if depth >= best[0] and (depth or not path):
            best = (depth, f"{file}, line {line}: ")
    return best[1]


def _entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield a mapping's keys and values; first those that `<<` merges in, which the others override."""
    for key, value in node.value:
        if key.tag == MERGE:
            for merged in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _entries(merged)
    yield from ((key, value) for key, value in node.value if key.tag != MERGE)


def _refuse_doubled_keys(file: str | Path) -> None:
    waiting, seen = [yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=_LOADER)], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        first: dict[str, int] = {}
        for key, value in node.value:
            waiting.append(value)
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, line) != line:
                raise PodiumError(
                    f"the key {key.value!r} is there twice: in line {first[key.value]} and in line {line}",
                    file=file,
                    mend="remove or rename one of them",
                )


def _known_keys(path: Sequence, raw: Mapping) -> list[str]:
    """List the keys that the schema allows at a place."""
    return sorted(_schema_at(path, raw).get("properties", {}))


def _known_kinds(path: Sequence, raw: Mapping) -> list[str]:
    """List the kinds of section that the schema allows at a place."""
    return list(_schema_at(path, raw, any_kind=True)["discriminator"]["mapping"])


def _schema_at(path: Sequence, raw: Mapping, any_kind: bool = False) -> dict:
    """Return the JSON schema of a place; with `any_kind` that of the choice between kinds, not of the chosen one."""
    schema = Competition.model_json_schema()
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
