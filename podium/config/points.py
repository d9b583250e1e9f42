"""From ablations to experiments: every point is one like any other, with a name that tells how it differs."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from podium.config.ablations import Ablation, Point, Station
from podium.config.judging import TRAININGS
from podium.config.key_paths import MODELS, changed, check_path, divided, short, told_apart, value_at
from podium.config.library_names import check_names
from podium.config.nearest import did_you_mean
from podium.config.point_names import point_name, value_in_words
from podium.config.problems import problems
from podium.config.section import Section
from podium.files import canonical_json

Changes = Mapping[str, Any]
"""Values by paths of keys in an experiment."""


def expand(
    ablations: Mapping[str, Ablation], checked: Mapping[Station, Mapping[str, Section]], raw: Mapping[str, Any]
) -> dict[str, dict]:
    """Return `ablations` with their points, and every station's experiments with those of the points.

    A point equal in its settings to an experiment that is there, written or another ablation's, is that experiment. An
    ablation whose points are filled in already stays as it is.

    Parameters
    ----------
    ablations, checked
        Ablations and written experiments, by name.
    raw
        The configuration as it was written. Defaults of a point may follow from what varies, as those of a detector
        from its weights: what is checked anew is what was written.

    Raises
    ------
    ValueError
        With ablation and point in words, for keys that are not there, values that the schema refuses, and names that
        would mean two settings.
    """
    known = _Experiments({station: dict(checked[station]) for station in MODELS}, _as_written(checked, raw))
    done = {
        name: ablation if ablation.points else _expanded(f"ablations.{name}", ablation, known)
        for name, ablation in ablations.items()
    }
    return {"ablations": done, **known.checked}


def no_experiment(station: Station, name: str, there: Collection[str], written: Collection[str]) -> str:
    """Return what is told of a name that no experiment has: the nearest one, and those that are written."""
    points = len(there) - len(written)
    known = [*written, *([f"and {points} points of ablations"] if points else [])]
    advice = f"{did_you_mean(name, there)}Known: {', '.join(known) or 'none is defined'}"
    return f"no {station} experiment is named {name!r}; {advice}"


def _expanded(place: str, ablation: Ablation, known: "_Experiments") -> Ablation:
    station, base = ablation.station, ablation.experiment
    if base not in known.checked[station]:
        raise ValueError(f"{place}.of: {known.no_experiment(station, base)}")
    for part, keys in (("vary", ablation.vary), ("fix", ablation.fix)):
        for key in keys:
            check_path(f"{place}.{part}", station, key)
    for key, values in ablation.vary.items():
        if not isinstance(values, Mapping) and any(isinstance(value, list | tuple | Mapping) for value in values):
            raise ValueError(f"{place}.vary: {key} has values that are not plain: give each a name, {{name: value}}")
        if not isinstance(values, Mapping) and (twice := [each for each in values if values.count(each) > 1]):
            raise ValueError(f"{place}.vary: {key} has {twice[0]} twice")
    count = {station: len(experiments) for station, experiments in known.checked.items()}
    points: list[Point] = []
    for values in itertools.product(*(_named(values) for values in ablation.vary.values())):
        chosen = dict(zip(ablation.vary, values, strict=True))
        words = ", ".join(f"{key} {label or value}" for key, (label, value) in chosen.items())
        changes = {**ablation.fix, **{key: value for key, (_, value) in chosen.items()}}
        labels = {key: label for key, (label, _) in chosen.items()}
        try:
            point = known.point(station, base, changes, labels, ablation.seeds)
        except ValueError as error:
            raise ValueError(f"{place}, point {words}: {error}") from None
        if twin := next((each for each in points if each.experiments == point.experiments), None):
            raise ValueError(f"{place}: the points {twin.label} and {words} have the same settings; remove one of them")
        points.append(point)
    made = {each: tuple(known.checked[each])[count[each] :] for each in known.checked}
    update = {"points": tuple(points), "made": {each: names for each, names in made.items() if names}}
    if ablation.reference is None:
        update["reference"] = max(points, key=lambda point: known.agreement(station, base, point)).values
    else:
        update["reference"] = {
            key: _reference(f"{place}.reference", ablation, key, value, points, known)
            for key, value in ablation.reference.items()
        }
    return ablation.model_copy(update=update)


def _reference(place: str, ablation: Ablation, key: str, value: Any, points: list[Point], known: "_Experiments") -> Any:
    """Return a value of the reference as its points have it: what was written as 1e-3 or '0.001' is the same number."""
    if key not in ablation.vary:
        raise ValueError(f"{place}: {key} does not vary; what varies: {', '.join(ablation.vary)}")
    named = isinstance(ablation.vary[key], Mapping)
    found = value if named else known.as_checked(ablation.station, ablation.experiment, key, value)
    there = list(dict.fromkeys(point.values[key] for point in points))
    if found not in there:
        raise ValueError(f"{place}: {key} has no value {value!r}; its values: {', '.join(map(str, there))}")
    return found


@dataclass
class _Experiments:
    """All experiments so far: checked, and as they would be written."""

    checked: dict[Station, dict[str, Section]]
    written: dict[Station, dict[str, dict]]
    by_settings: dict[tuple[Station, str], str] = field(default_factory=dict)
    first: dict[Station, list[str]] = field(init=False)

    def __post_init__(self):
        self.first = {station: [*experiments] for station, experiments in self.checked.items()}
        for station, experiments in self.checked.items():
            for name, experiment in experiments.items():
                self.by_settings.setdefault((station, _settings(experiment)), name)

    def no_experiment(self, station: Station, name: str) -> str:
        """Return what is told of a name that no experiment has."""
        return no_experiment(station, name, self.checked[station], self.first[station])

    def point(self, station: Station, base: str, changes: Changes, labels: Mapping, seeds: tuple[int, ...]) -> Point:
        seed_keys = ["detection.seed", "segmentation.seed"] if station == "instances" else ["seed"]
        experiments = {}
        for seed in seeds or [None]:
            seeded = {} if seed is None else dict.fromkeys(seed_keys, seed)
            name = self.experiment(station, base, {**changes, **seeded}, labels)
            experiments[self._seed(station, name) if seed is None else seed] = name
        named = next(iter(experiments.values()))
        values = {key: label or self._value(station, named, key) for key, label in labels.items()}
        words = ", ".join(f"{name} {values[key]}" for key, name in told_apart(values).items())
        return Point(label=words, values=values, experiments=experiments)

    def experiment(self, station: Station, base: str, changes: Changes, labels: Mapping) -> str:
        """Return the name of the experiment that is `base` with changes, which is added where there is none such."""
        written = self._changed(station, base, changes, labels)
        try:
            checked = MODELS[station].model_validate(written)
        except ValidationError as error:
            lines = [line for _, line in problems(error, written, MODELS[station])]
            raise ValueError("; ".join(lines)) from None
        check_names("", checked)
        if checked == self.checked[station][base]:
            return base  # whatever other name has its settings, too
        settings = station, _settings(checked)
        if settings in self.by_settings:
            return self.by_settings[settings]
        words = self._differences(station, base, checked, changes, labels)
        name = point_name(base, words)
        if name in self.checked[station]:
            raise ValueError(f"{station}.{name} has this point's name and other settings; name its values otherwise")
        self.checked[station][name], self.written[station][name] = checked, written
        self.by_settings[settings] = name
        return name

    def _changed(self, station: Station, base: str, changes: Changes, labels: Mapping) -> dict:
        """Return what would be written for `base` with changes; those of an instances' trainings make their own."""
        own, inner = divided(station, changes)
        written = self.written[station][base]
        # A section before what is in it.
        for key, value in sorted(own.items(), key=lambda each: each[0].count(".")):
            written = changed(written, key, value)
        for training in TRAININGS if station == "instances" else ():
            if written.get(training) not in self.checked[training]:
                key = training if training in own else f"{station}.{base}.{training}"
                raise ValueError(f"{key}: {self.no_experiment(training, written[training])}")
        for training, keys in inner.items():
            _, inner_labels = divided(station, labels)
            trained = written[training]
            name = self.experiment(training, trained, keys, inner_labels.get(training, {}))
            written = {**written, training: name}
        return written

    def _differences(
        self, station: Station, base: str, checked: Section, changes: Changes, labels: Mapping
    ) -> Iterator[tuple[str, str]]:
        """Yield key and value in words for what differs from the experiment that a point is made of."""
        before = self.checked[station][base]
        own, inner = divided(station, changes)
        for key in own:
            value = value_at(checked, key)
            if value != value_at(before, key):
                yield short(station, key), labels.get(key) or value_in_words(value)
        for training, keys in inner.items():
            _, inner_labels = divided(station, labels)
            trained = self.checked[training][getattr(checked, training)]
            first = own.get(training, getattr(before, training))
            for key, text in self._differences(training, first, trained, keys, inner_labels.get(training, {})):
                yield f"{training}_{key}", text

    def agreement(self, station: Station, base: str, point: Point) -> int:
        """Return how many of a point's values are those of the experiment that it is made of."""
        name = next(iter(point.experiments.values()))
        return sum(self._value(station, name, key) == self._value(station, base, key) for key in point.values)

    def as_checked(self, station: Station, base: str, key: str, value: Any) -> Any:
        """Return a value of a key as the schema has it; one that it refuses as it is."""
        training, _, rest = key.partition(".")
        if station == "instances" and rest:
            return self.as_checked(training, getattr(self.checked[station][base], training), rest, value)
        try:
            checked = MODELS[station].model_validate(changed(self.written[station][base], key, value))
        except ValidationError:
            return value
        return value_at(checked, key)

    def _seed(self, station: Station, name: str) -> int:
        experiment = self.checked[station][name]
        return self.checked["detection"][experiment.detection].seed if station == "instances" else experiment.seed

    def _value(self, station: Station, name: str, key: str) -> Any:
        """Return a checked value: what was written as 1e-3 or '0.001' is the same number."""
        experiment, (training, _, rest) = self.checked[station][name], key.partition(".")
        if station == "instances" and rest:
            return value_at(self.checked[training][getattr(experiment, training)], rest)
        return value_at(experiment, key)


def _as_written(checked: Mapping[Station, Mapping[str, Section]], raw: Mapping) -> dict[Station, dict[str, dict]]:
    found = {}
    for station, experiments in checked.items():
        plain = raw.get(station) or {}
        found[station] = {
            name: plain[name] if isinstance(plain[name], Mapping) else experiment.model_dump(exclude_unset=True)
            for name, experiment in experiments.items()
        }
    return found


def _named(values: list | dict) -> list[tuple[str | None, Any]]:
    """Return values with their names, None where they have none."""
    return [*values.items()] if isinstance(values, Mapping) else [(None, value) for value in values]


def _settings(experiment: Section) -> str:
    return canonical_json(experiment.model_dump(mode="json"))
