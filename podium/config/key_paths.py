"""Keys inside of an experiment, by their paths: solver.base_lr; of instances also those of the trainings they join."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_args

from podium.config.detection import DetectionExperiment
from podium.config.instances import InstancesExperiment
from podium.config.judging import TRAININGS, Station
from podium.config.merging import merge
from podium.config.nearest import did_you_mean
from podium.config.section import Section
from podium.config.segmentation import SegmentationExperiment

MODELS: dict[Station, type[Section]] = {
    "detection": DetectionExperiment,
    "segmentation": SegmentationExperiment,
    "instances": InstancesExperiment,
}


def check_path(place: str, station: Station, key: str) -> None:
    """Raise ValueError, with the nearest key, where experiments of a station have no such key."""
    known = paths(station)
    if key in known:
        return
    above = {key.rsplit(".", count)[0] for count in range(1, key.count(".") + 1)}
    # A key without its section is the likeliest mistake.
    same = [path for path in known if path.split(".")[-1] == key.split(".")[-1]]
    # A section that is there is no help where the key in it is wrong.
    advice = f"did you mean {same[0]!r}? " if same else did_you_mean(key, [path for path in known if path not in above])
    section = key
    while section and section not in known:
        section = section.rpartition(".")[0]
    start = f"{section}." if section else ""
    here = [path for path in known if path.startswith(start) and "." not in path.removeprefix(start)]
    raise ValueError(f"{place}: {key} is no key of {station} experiments; {advice}Known keys here: {', '.join(here)}")


@cache
def paths(station: Station) -> tuple[str, ...]:
    """List the paths of all keys in an experiment of a station, sections among them."""
    inner = TRAININGS if station == "instances" else ()
    return (*_paths_in(MODELS[station]), *(f"{training}.{path}" for training in inner for path in paths(training)))


@cache
def _paths_in(model: type[Section]) -> tuple[str, ...]:
    found = []
    for name, each in model.model_fields.items():
        found.append(name)
        for option in get_args(each.annotation) or (each.annotation,):  # a section, or one or null
            if isinstance(option, type) and issubclass(option, Section):
                found += [f"{name}.{path}" for path in _paths_in(option)]
    return tuple(found)


def short(station: Station, key: str) -> str:
    """Return the last part of a key's path, or all of it where another key has the same last part."""
    last = key.split(".")[-1]
    same = [path for path in _paths_in(MODELS[station]) if path.split(".")[-1] == last]
    return last if len(same) == 1 else key.replace(".", "_")


def told_apart(keys: Iterable[str]) -> dict[str, str]:
    """Return what some keys are called beside each other: by the shortest end of its path that no other key has."""
    ends = {key: [key.split(".", skipped)[-1] for skipped in range(key.count("."), -1, -1)] for key in keys}
    count = Counter(end for each in ends.values() for end in each)
    return {key: next((end for end in each if count[end] == 1), key) for key, each in ends.items()}


def divided(station: Station, keys: Mapping[str, Any]) -> tuple[dict, dict[str, dict]]:
    """Divide keys into an experiment's own and, of instances, those of each training that it joins."""
    own, inner = {}, {}
    for key, value in keys.items():
        training, _, rest = key.partition(".")
        if station == "instances" and rest and training in TRAININGS:
            inner.setdefault(training, {})[rest] = value
        else:
            own[key] = value
    return own, inner


def changed(written: Mapping, key: str, value: Any) -> dict:
    """Return a mapping with another value at a path; a mapping is laid over what is there."""
    first, _, rest = key.partition(".")
    before = written.get(first)
    before = before if isinstance(before, Mapping) else {}
    if rest:
        value = changed(before, rest, value)
    elif isinstance(value, Mapping):
        value = merge(before, value)
    return {**written, first: value}


def value_at(experiment: Section, key: str) -> Any:
    """Return the checked value at a path, a section as plain values; None in a section that is null."""
    value: Any = experiment
    for step in key.split("."):
        value = getattr(value, step, None)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
