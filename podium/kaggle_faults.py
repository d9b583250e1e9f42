"""What the `kaggle` command says when it fails, as one sentence and what to do about it."""

import re

from podium.errors import PodiumError
from podium.kaggle_login import hide_secrets


class Unreachable(PodiumError):
    """Kaggle did not answer, or not now: the same call may succeed later."""


class Refused(PodiumError):
    """Kaggle said no: what was asked for was not done."""


def explained(output: str, competition: str, login: str) -> PodiumError:
    """Return what a failed command said as an error that tells what to do.

    `login` says in words which credentials were used.
    """
    lines = _lines(output)
    said = "\n".join(lines)
    pattern, kind, problem, mend = next(fault for fault in _FAULTS if re.search(fault[0], said, re.IGNORECASE))
    # What the server said stands above hints of the command's own.
    line = next((line for line in lines if pattern and re.search(pattern, line, re.IGNORECASE)), None)
    words = {"said": _quote(line) if line else quoted(output), "competition": competition, "login": login}
    return kind(problem.format(**words), mend=mend.format(**words))


def quoted(output: str) -> str:
    """Return the last words of an output, without credentials."""
    lines = _lines(output)
    return _quote(lines[-1]) if lines else "nothing"


def _quote(line: str) -> str:
    return repr(line[:300])


def _lines(output: str) -> list[str]:
    """Return an output's lines without credentials, and without progress bars, whose numbers look like status codes."""
    lines = (line.strip() for line in re.split(r"[\r\n]+", hide_secrets(output)))
    return [line for line in lines if line and "authorization" not in line.lower() and not re.match(r"\d+%\|", line)]


# What the command says, the kind of error, the problem, the mend; the first that matches counts.
_FAULTS: list[tuple[str, type[PodiumError], str, str]] = [
    (
        r"\[errno (13|28|30|122)\]",  # no permission, no space, read-only, over quota
        PodiumError,
        "a file could not be written here: {said}",
        "make room, or mend the folder's permissions, and run again: a download goes on where it stopped",
    ),
    (
        r"\b401\b|unauthorized|authentication required|unauthenticated|invalid credentials|could not find kaggle\.json|"
        r"you (need|must) (to )?authenticate|kaggle auth login",
        Refused,
        "Kaggle did not accept the login, {login}",
        "renew it: run `kaggle auth login`, or set KAGGLE_API_TOKEN to a token from "
        "https://www.kaggle.com/settings/api; a token counts before a key, and a key before `kaggle auth login`",
    ),
    (
        r"only accepts submissions from|(made|submitted) (through|from) (a )?(notebook|kernel|code)|code competition",
        Refused,
        "{competition!r} is a code competition, which takes notebooks and no files: Kaggle said {said}",
        "nothing was uploaded; submit a notebook on Kaggle, and set submission.code_competition to true",
    ),
    (
        r"allowance|maximum number|too many submissions|(submission|daily) limit|limit.{0,40}(per day|today)",
        Refused,
        "the competition's limit of submissions is reached: Kaggle said {said}",
        "nothing was uploaded; run again after midnight UTC",
    ),
    (
        r"\b403\b|forbidden|permission|accept.{0,40}rules",
        Refused,
        "Kaggle refused access to the competition {competition!r}: it said {said}",
        "join it and accept its rules in the browser, at https://www.kaggle.com/competitions/{competition}/rules, and "
        "check the spelling of its name",
    ),
    (
        r"\b404\b|not ?found|could not find",
        Refused,
        "Kaggle knows no competition {competition!r}, or it takes no submissions: it said {said}",
        "check the name against the competition's URL, and its deadline",
    ),
    (
        r"\b429\b|too many requests|rate limited",
        Unreachable,
        "Kaggle was asked too often: it said {said}",
        "run again in some minutes",
    ),
    (
        r"could not submit to competition",
        Refused,
        "the file could not be uploaded: the kaggle command said {said}",
        "run again: nothing was submitted",
    ),
    (
        r"\b5\d\d server error|internal server error|service unavailable|bad gateway|on kaggle's side|"
        r"connection|timed out|max retries|name resolution|proxyerror|sslerror|incompleteread|not match expected size",
        Unreachable,
        "Kaggle could not be reached: {said}",
        "check the network and run again later",
    ),
    (
        r"\b400\b|bad request",
        Refused,
        "Kaggle refused the request: it said {said}",
        "see what it says; where the limit of submissions is meant, run again after midnight UTC",
    ),
    (
        r"^$",
        Unreachable,
        "the kaggle command failed without a word",
        "run again later",
    ),
    (
        r"",
        PodiumError,
        "the kaggle command failed and said {said}",
        "run `kaggle competitions submissions {competition}` by hand and see",
    ),
]
