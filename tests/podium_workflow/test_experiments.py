import itertools

from podium.workflow.experiments import remove_foreign_states, state_file


def test_each_thing_that_a_training_depends_on_names_its_state(tmp_path):
    model, digest, split = tmp_path / "model.pt", tmp_path / "digest.txt", tmp_path / "0.json"
    names = set()
    for settings, code, data, parts in itertools.product(["{}", '{"a":1}'], ["c", "d"], ["e", "f"], ["g", "h"]):
        digest.write_text(data)
        split.write_text(parts)
        state = state_file(model, settings, code, [digest, split])
        assert state == state_file(str(model), settings, code, [str(digest), str(split)])
        assert (state.parent, state.suffix) == (tmp_path / "state", ".pt")
        names.add(state.name)
    assert len(names) == 16


def test_swapped_inputs_are_other_inputs(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("a")
    second.write_text("b")
    states = [state_file("m/model.pt", "{}", "c", files) for files in ([first, second], [second, first], [first])]
    assert len(set(states)) == 3


def test_states_of_other_settings_and_halves_of_killed_saves_go(tmp_path):
    mine = tmp_path / "state" / "1234.pt"
    mine.parent.mkdir()
    others = [mine.with_name(name) for name in ("5678.pt", ".1234.99.part.pt", ".5678.98.part.pt")]
    kept = mine.with_name("notes.txt")
    for file in (mine, *others, kept):
        file.write_text("x")
    remove_foreign_states(mine)
    assert sorted(mine.parent.iterdir()) == sorted([mine, kept])
