"""From YAML files to a checked competition, or to an error that says where and what."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from podium.config.competition import Competition
from podium.config.merging import merge
from podium.config.problems import problems
from podium.errors import PodiumError

MERGE = "tag:yaml.org,2002:merge"
"""Tag of YAML's key `<<`."""

# libyaml's where PyYAML has it: a file of a thousand experiments takes seconds otherwise, each time that it is planned.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


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
        lines = [f"{_place(place, files)}{line}" for place, line in problems(error, raw, Competition)]
        raise PodiumError("\n".join(["the configuration is wrong.", *lines]), mend=_advice(raw)) from None


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


def _advice(raw: Mapping) -> str | None:
    """Tell how files are laid over each other, where none of them has what every first file has."""
    if {"name", "source", "layout"} & {*raw}:
        return None
    return (
        "if it is an overlay, name it behind the file that it is laid over, under one option, as in `--configfile "
        "config/nuclei.yaml config/nuclei.cpu.yaml`; of several options --configfile the last alone counts"
    )


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
                found = [(k, v) for k, v in _entries(node) if _CONSTRUCTOR.construct_object(k) == step]
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
