"""Points of ablations that have no model, because a training diverged: the others are compared without them.

A training diverges at every try with equal settings, code and data. An experiment that is written stays wanted, and its
job fails again; with another rate, or another anything, a point is trained anew.
"""

from collections.abc import Iterator
from pathlib import Path

from podium.config.judging import TRAININGS
from podium.workflow.experiments import divergence, state_file
from podium.workflow.fingerprint import fingerprint


def lost_points(plan) -> dict[tuple[str, str], str]:
    """Return by station and name the points of a plan's ablations of which a training diverged, and how."""
    competition = plan.competition
    made = {
        (station, name)
        for ablation in competition.ablations.values()
        for station, names in ablation.made.items()
        for name in names
    }
    trainings = {each: divergence_of(plan, *each) for each in made if each[0] in TRAININGS}

    def problems(station: str, name: str) -> Iterator[str]:
        for each, names in competition.chain(station, name).items():
            yield from (found for own in names if (found := trainings.get((each, own))))

    return {each: problem for each in made if (problem := next(problems(*each), None))}


def divergence_of(plan, training: str, experiment: str) -> str | None:
    """Return how a training diverged that is still to be done as it was then; None where it did not, or may not."""
    folder = Path(plan.results, training, experiment)
    if (folder / "model.pt").exists() or not any(folder.glob("state/*.diverged.json")):
        return None
    weights = plan.starting_weights(experiment) if training == "detection" else []
    inputs = [plan.digest, plan.split(training, experiment), *weights]
    if not all(Path(file).exists() for file in inputs):
        return None
    code = fingerprint(f"scripts/{TRAININGS[training]}.py")
    return divergence(state_file(folder / "model.pt", plan.training_settings(training, experiment), code, inputs))
