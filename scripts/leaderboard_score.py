"""Wait for the score of an upload.

Input: upload.
Output: score (public and private score, as far as the competition tells them). ledger.csv gets them too.
"""

from dataclasses import asdict
from pathlib import Path

from podium.files import read_json, write_json
from podium.submission.ledger import record
from podium.submission.uploads import poll
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        upload = read_json(snakemake.input.upload)
        scored = poll(settings["competition"], upload["ref"])
        ledger = Path(snakemake.input.upload).parent / "ledger.csv"
        scores = {"public_score": scored.public_score, "private_score": scored.private_score}
        record(ledger, {"ref": upload["ref"], **scores})
        write_json(snakemake.output.score, asdict(scored), indent=1)
