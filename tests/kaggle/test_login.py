"""Which login is found, and that what it holds is hidden; the order is what the real command does."""

import json

import pytest

from podium.errors import PodiumError
from podium.kaggle_command import run_kaggle
from podium.kaggle_login import hide_secrets, require_login

PLANTED = {
    "token": "planted-token-5f1c",
    "file": "planted-file-9a77",
    "key": "planted-key-41e0",
    "refresh": "planted-refresh-c3d2",
    "access": "planted-access-08bb",
}


def plant(home, monkeypatch, *kinds) -> None:
    folder = home / ".kaggle"
    folder.mkdir(exist_ok=True)
    oauth = {"refresh_token": PLANTED["refresh"], "access_token": PLANTED["access"], "username": "somebody"}
    oauth["access_token_expiration"] = "2100-01-01T00:00:00+00:00"
    if "variable" in kinds:
        monkeypatch.setenv("KAGGLE_API_TOKEN", PLANTED["token"])
    if "file" in kinds:
        (folder / "access_token").write_text(f"{PLANTED['file']}\n")
    if "key" in kinds:
        (folder / "kaggle.json").write_text(json.dumps({"username": "somebody", "key": PLANTED["key"]}))
    if "oauth" in kinds:
        (folder / "credentials.json").write_text(json.dumps(oauth))


@pytest.mark.parametrize(
    ("kinds", "words", "sent"),
    [
        (("variable", "file", "key", "oauth"), "the token in KAGGLE_API_TOKEN", "Bearer planted-token-5f1c"),
        (("file", "key", "oauth"), "the token in ~/.kaggle/access_token", "Bearer planted-file-9a77"),
        (("key", "oauth"), "the key in kaggle.json", "Basic "),
        (("oauth",), "the login in ~/.kaggle/credentials.json", "Bearer planted-access-08bb"),
    ],
    ids=["variable", "file", "key", "oauth"],
)
def test_the_login_that_is_named_is_the_one_that_the_command_sends(server, home, monkeypatch, kinds, words, sent):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    plant(home, monkeypatch, *kinds)
    assert require_login() == words
    run_kaggle(["competitions", "submissions", "-v", "cells"], "cells", timeout=60)
    assert max(server.logins, key=len).startswith(sent)


def test_a_key_in_the_environment_counts_before_the_file(home, monkeypatch):
    plant(home, monkeypatch, "key")
    monkeypatch.setenv("KAGGLE_KEY", "planted-key-of-the-environment")
    assert require_login() == "the key in KAGGLE_KEY"
    assert hide_secrets("x planted-key-of-the-environment x") == "x *** x"


def test_a_token_in_a_file_that_the_variable_names(home, monkeypatch):
    (home / "mine").write_text("planted-in-mine\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "mine"))
    assert require_login() == "the token in the file that KAGGLE_API_TOKEN names"
    assert hide_secrets("planted-in-mine") == "***"


def test_a_folder_for_kaggle_json(home, monkeypatch):
    (home / ".config" / "kaggle").mkdir(parents=True)
    (home / ".config" / "kaggle" / "kaggle.json").write_text('{"username": "a", "key": "b"}')
    assert require_login() == "the key in kaggle.json"
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home))
    with pytest.raises(PodiumError, match="no login"):
        require_login()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"username": "somebody"}', '{"key": 1}'])
def test_half_a_key_is_no_login(home, content):
    (home / ".kaggle").mkdir()
    (home / ".kaggle" / "kaggle.json").write_text(content)
    (home / ".kaggle" / "access_token").write_text("\n")
    (home / ".kaggle" / "credentials.json").write_text("{}")
    with pytest.raises(PodiumError, match=r"kaggle\.json has no username and key") as error:
        require_login()
    assert "kaggle auth login" in error.value.mend


def test_without_a_login_nothing_is_asked(server, monkeypatch):
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(PodiumError, match="there is no login to Kaggle"):
        run_kaggle(["competitions", "submissions", "-v", "cells"], "cells", timeout=60)
    assert server.calls == []


def test_every_secret_is_hidden(home, monkeypatch):
    plant(home, monkeypatch, "variable", "file", "key", "oauth")
    assert hide_secrets(" ".join(PLANTED.values())) == "*** *** *** *** ***"


@pytest.mark.parametrize("fault", [(401, None), (401, "Unauthenticated"), (400, "Invalid token"), (403, None)])
def test_a_token_that_is_refused_is_named(server, home, monkeypatch, fault):
    """The command ignores it, falls back to what else there is, or ends with a traceback."""
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    plant(home, monkeypatch, "variable")
    server.faults["IntrospectToken"] = fault
    with pytest.raises(PodiumError, match="did not accept the login, the token in KAGGLE_API_TOKEN") as error:
        run_kaggle(["competitions", "submissions", "-v", "cells"], "cells", timeout=60)
    assert PLANTED["token"] not in str(error.value)
    assert set(server.calls) == {"IntrospectToken"}
