import json
import subprocess
import sys

import pytest

from podium.config.detection import DetectionExperiment, DetectionInput
from podium.config.solver import Solver
from podium.workflow.plan import settings_json


def test_sections_become_plain_values_with_their_defaults():
    solver = Solver(base_lr=0.1, max_iter=3, schedule="steps", steps=(1, 2))
    found = json.loads(settings_json(solver=solver, images=None, names=["b", "a"], limit=100))
    assert found["solver"]["steps"] == [1, 2]
    assert found["solver"]["momentum"] == 0.9
    assert Solver.model_validate(found["solver"]) == solver
    assert (found["images"], found["names"], found["limit"]) == (None, ["b", "a"], 100)


def test_equal_settings_give_one_text_however_they_are_written():
    first = DetectionInput.model_validate(
        {"min_size_test": 640, "augmentation": [{"Affine": {"scale": [0.5, 2], "p": 0.5}}]}
    )
    second = DetectionInput.model_validate(
        {"augmentation": [{"Affine": {"p": 0.5, "scale": [0.5, 2]}}], "max_size_test": 1333, "min_size_test": "640"}
    )
    assert settings_json(input=first, a=1) == settings_json(a=1, input=second)


def test_swapped_and_changed_values_show():
    assert settings_json(a=1, b=2) != settings_json(a=2, b=1)
    assert settings_json(a=1) != settings_json(b=1)
    texts = {
        settings_json(experiment=DetectionExperiment(solver=Solver(base_lr=rate, max_iter=1), seed=seed))
        for rate in (0.1, 0.2)
        for seed in (0, 1)
    }
    assert len(texts) == 4


def test_the_text_is_canonical():
    assert settings_json(b={"z": 1, "a": [1.5, "é"]}, a=True) == '{"a":true,"b":{"a":[1.5,"é"],"z":1}}'


def test_what_json_does_not_have_is_refused():
    with pytest.raises(ValueError):
        settings_json(a=float("nan"))
    with pytest.raises(TypeError):
        settings_json(a={1, 2})


def test_planning_imports_nothing_heavy():
    code = (
        "import sys\n"
        "import podium.workflow.plan, podium.workflow.fingerprint, podium.workflow.experiments\n"
        "print([n for n in ('torch', 'cv2', 'albumentations', 'pandas', 'matplotlib') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
