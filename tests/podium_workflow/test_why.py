import json

from podium.workflow import why
from podium.workflow.why import Job, code_differences, differences, in_words, remember_code


def test_each_setting_that_differs_is_named_with_both_values():
    was = {"a": 1, "b": {"c": [1, 2], "d": "x"}, "gone": None, "same": 3}
    now = {"a": 2, "b": {"c": [2, 1], "d": "x"}, "new": {"e": 1}, "same": 3}
    assert list(differences(was, now)) == [
        "setting a: 1 -> 2",
        "setting b.c: [1, 2] -> [2, 1]",
        "setting gone: gone, was null",
        'setting new: new, {"e": 1}',
    ]
    assert list(differences(was, was)) == []


def test_a_number_of_another_type_is_another_text_and_so_it_is_told():
    assert list(differences({"a": 1}, {"a": 1.0})) == ["setting a: 1 -> 1.0"]
    assert list(differences({"a": 1}, {"a": True})) == ["setting a: 1 -> true"]


def test_each_file_of_the_code_that_differs_is_named():
    assert list(code_differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4", "d": "5"})) == [
        "code: b changed",
        "code: c is no longer used",
        "code: d is new",
    ]
    assert list(code_differences(None, {"a": "1"})) == ["code: changed; what it was made of is not kept"]


def test_params_are_told_apart_though_their_names_are_not_kept():
    settings, code, environment = '{"a":1}', "0123456789abcdef", "torch 2.15"
    expected = {"settings": settings, "code": code, "environment": environment}
    assert why._params([environment, code, settings]) == expected
    assert why._params([settings, ""]) == {"settings": settings, "code": "", "environment": ""}


def test_jobs_that_only_follow_are_counted():
    jobs = [
        Job("train", "m.pt", ["setting a: 1 -> 2"], []),
        Job("predict", "p.json", [], ["train"]),
        Job("predict", "q.json", [], ["train"]),
        Job("report", "r.html", [], ["predict", "train"]),
    ]
    assert in_words(jobs).splitlines() == [
        "train: m.pt",
        "    setting a: 1 -> 2",
        "what follows from these:",
        "    2 x predict, after train",
        "    1 x report, after predict, train",
    ]
    assert in_words([]).startswith("Nothing to be done")


def test_jobs_with_the_same_changes_are_told_together():
    jobs = [Job("predict", f"{name}.json", ["code: a.py changed"], []) for name in "pqr"]
    assert in_words(jobs).splitlines() == ["predict: p.json and 2 more", "    code: a.py changed"]


def test_what_fingerprints_are_made_of_is_kept_with_what_was_kept_before(tmp_path, monkeypatch):
    file = tmp_path / "code.json"
    remember_code(tmp_path)
    now = json.loads(file.read_text())
    key, script = why.fingerprint("scripts/splits.py"), "scripts/splits.py"
    assert now[key] == why.modules(script)
    assert script in now[key]
    file.write_text(json.dumps({f"old{number}": {} for number in range(1000)}))
    remember_code(tmp_path)
    kept = json.loads(file.read_text())
    assert now.keys() < kept.keys()
    assert [name for name in kept if name.startswith("old")] == [f"old{number}" for number in range(700, 1000)]
    written = file.stat().st_mtime_ns
    remember_code(tmp_path)
    assert file.stat().st_mtime_ns == written
