"""The two environments hold the same packages, and the lock file says nothing about where they come from."""

import re
import tomllib

import pytest
import yaml

# Other names on conda-forge.
CONDA_NAMES = {"torch": "pytorch", "opencv-python-headless": "opencv", "matplotlib": "matplotlib-base"}
# For Detectron2, which pip does not have, and for installing the packages that conda-forge does not have.
ONLY_CONDA = {"detectron2", "setuptools", "pip", "python"}


def requirement(text: str) -> tuple[str, str]:
    name, bounds = re.fullmatch(r"([A-Za-z0-9-]+) *(.*)", text).groups()
    return name, bounds


@pytest.fixture
def pip(root) -> dict[str, str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return dict(map(requirement, project["dependencies"])) | {"python": project["requires-python"]}


@pytest.fixture
def conda(root) -> dict[str, str]:
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    nested = [text for entry in listed if isinstance(entry, dict) for text in entry["pip"]]
    return dict(map(requirement, [entry for entry in listed if isinstance(entry, str)] + nested))


def test_both_environments_hold_the_same_packages_with_the_same_bounds(pip, conda):
    expected = {CONDA_NAMES.get(name, name): bounds for name, bounds in pip.items()}
    assert {name: bounds for name, bounds in conda.items() if name not in ONLY_CONDA - {"python"}} == expected


def test_detectron2_comes_with_a_setuptools_that_it_works_with(conda):
    assert conda["detectron2"]
    assert conda["setuptools"] == "<82"


def test_the_lock_pins_and_hashes_every_dependency_and_names_no_host(root, pip):
    lock = (root / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    assert set(pip) - {"python"} <= set(pinned)
    entries = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def test_each_dependency_is_given_a_reason(root):
    text = (root / "pyproject.toml").read_text()
    packages = [line for line in text.splitlines() if re.match(r'  "[a-z]', line)]
    assert len(packages) > 20
    assert [line for line in packages if not re.search(r"#\s+\w+", line)] == []
