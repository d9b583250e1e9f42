"""Points whose training diverged: the others are compared, and they are tried again once something is different."""

import pytest

from podium.config.competition import Competition
from podium.errors import PodiumError
from podium.training.finite import Diverged
from podium.workflow.experiments import divergence, divergence_kept, state_file
from podium.workflow.fingerprint import fingerprint
from podium.workflow.plan import Plan
from tests.config.minimal import changed

RATE = {"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.5, 0.02]}, "seeds": [0, 1]}
CHAIN = {"of": "instances.both", "vary": {"detection.solver.base_lr": [0.01, 0.5]}}
WORST = "boxes-base_lr-0p5"


def plan(**values: object) -> Plan:
    return Plan(Competition.model_validate(changed(ablations={"rate": RATE, "chain": CHAIN}, **values)))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The data of the competition, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for file in (plan().digest, *plan().splits()):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    return tmp_path


def diverge(name: str) -> None:
    """Do what the script of a training does when it diverges."""
    own = plan()
    folder = f"{own.results}/detection/{name}"
    settings, code = own.training_settings("detection", name), fingerprint("scripts/train_detector.py")
    state = state_file(f"{folder}/model.pt", settings, code, [own.digest, own.split("detection", name)])
    with pytest.raises(Diverged), divergence_kept(state):
        raise Diverged("the loss is not finite at iteration 7")


def test_nothing_is_lost_as_long_as_nothing_diverged(made):
    assert plan().lost == {}
    assert plan().compared("rate") == plan().competition.ablations["rate"]


def test_the_others_are_compared_and_nothing_is_asked_of_what_diverged(made):
    diverge(WORST)
    own = plan()
    assert set(own.lost) == {("detection", WORST), ("instances", "both-detection_base_lr-0p5")}
    assert set(own.lost.values()) == {"the loss is not finite at iteration 7"}
    assert f"detection.{WORST}" in own.lost_by_name
    # One seed of the point is left.
    experiments = [point.experiments for point in own.compared("rate").points]
    assert experiments == [{0: "boxes", 1: "boxes-seed-1"}, {1: f"{WORST}-seed-1"}] + [
        {0: "boxes-base_lr-0p02", 1: "boxes-base_lr-0p02-seed-1"}
    ]
    assert [point.label for point in own.compared("chain").points] == ["base_lr 0.01"]
    wanted = [*own.ablation_inputs("rate")["metrics"], *own.curves(), *own.reported_files()]
    assert not [file for file in wanted if f"/{WORST}/" in file or "/both-detection_base_lr-0p5/" in file]


def test_a_reference_that_diverged_gives_way_to_the_first_point(made):
    own = plan().competition.ablations["rate"]
    rest = own.model_copy(update={"points": own.points[1:]})
    assert own.reference_point.label == "base_lr 0.01"
    assert rest.reference_point.label == "base_lr 0.5"


def test_it_is_tried_again_with_other_settings_or_data(made):
    diverge(WORST)
    assert plan(detection__boxes__solver={"base_lr": 0.01, "max_iter": 99}).lost == {}
    (made / plan().digest).write_text("y")
    assert plan().lost == {}


def test_a_model_that_is_there_is_not_lost(made):
    diverge(WORST)
    (made / plan().results / "detection" / WORST / "model.pt").touch()
    assert plan().lost == {}


def test_a_written_experiment_stays_wanted(made):
    diverge("boxes")
    assert plan().lost == {}


def test_a_selection_chooses_among_the_others(made):
    diverge(WORST)
    assert plan(selection={"among": "all"}).candidates() == ["both"]


def test_only_divergence_is_kept(tmp_path):
    state = tmp_path / "state/abc.pt"
    with pytest.raises(PodiumError), divergence_kept(state):
        raise PodiumError("the disk is full")
    assert divergence(state) is None
    with divergence_kept(state):
        pass
    assert divergence(state) is None
