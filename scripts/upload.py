"""Upload a checked submission file, once.

Input: csv, check, validation (the score of validation predictions treated as the file's are), tuning (of its
thresholds, where they are tuned), score (against a known solution, where there is one).
Output: upload (the competition's reference to it). A row is added to ledger.csv beside it.
The receipt lies in a folder that the workflow does not delete, so that no failure leads to a second upload.
"""

from pathlib import Path

from podium.errors import PodiumError
from podium.files import read_json, write_json
from podium.submission.kaggle import submit
from podium.submission.ledger import record
from podium.workflow.script import running


def _cross_fitted(tuning: str | None) -> float | None:
    found = read_json(tuning)["cross_fitted"] if tuning else None
    return found["score"] if found else None


if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, folder, experiment = snakemake.input, Path(snakemake.input.csv).parent, snakemake.wildcards.experiment
        if settings["code_competition"]:
            raise PodiumError(
                f"{settings['competition']!r} is a code competition, which takes notebooks and no files",
                key="submission.code_competition",
                mend=f"submit a notebook on Kaggle; {inputs.csv} shows what it has to write",
            )
        upload = submit(inputs.csv, settings["competition"], settings["message"], folder / "receipts")
        entry = {
            "time": upload["time"],
            "sha256": upload["sha256"],
            "experiment": experiment,
            "validation_score": read_json(inputs.validation)["score"],
            "cross_fitted_score": _cross_fitted(inputs.get("tuning")),
            "local_test_score": read_json(inputs.score)["score"] if inputs.get("score") else None,
            "ref": upload["ref"],
        }
        record(folder / "ledger.csv", entry)
        write_json(snakemake.output.upload, upload, indent=1)
