"""Snakemake's records of finished jobs, kept with the results, so that a copy of those is as good as the original.

Snakemake keeps what each output was made of in the working directory's .snakemake/. Without it, results that were
copied elsewhere would count as made by today's settings and code, or by the order of the copies' times be made again.
"""

import json
from pathlib import Path

from podium.files import read_json, write_json
from podium.workflow.plan import settings_json

NAME = "records.json"


def keep_records(dag, results: str | Path) -> None:
    """Write the records of a graph's finished jobs to results/<name>/records.json; others there stay as they are."""
    file = Path(results) / NAME
    records = read_json(file) if file.exists() else {}
    dag.workflow.persistence.deactivate_cache()  # which does not know of the last job's
    for job in dag.jobs:
        for output in job.output:
            record = dag.workflow.persistence.metadata(output) if Path(output).exists() else None
            if record is None:
                records.pop(str(output), None)
            else:
                records[str(output)] = dict(record.items())
    if records:
        write_json(file, records)


def restore_records(digest: str | Path, results: str | Path) -> None:
    """Give Snakemake the records that came with copied results, where it has none of the dataset's `digest`.

    A record counts only where it agrees with what the job itself wrote down, its provenance.
    """
    file = Path(results) / NAME
    if not file.exists() or not Path(digest).exists():
        return
    from snakemake.persistence import MetadataRecord
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence(nolock=True)
    if persistence._read_record(str(digest)) is not None:
        return
    for output, record in read_json(file).items():
        if Path(output).exists() and persistence._read_record(output) is None and _agrees(record):
            persistence._write_record(output, MetadataRecord.model_validate(record))


def _agrees(record: dict) -> bool:
    log = Path(record["log"][0])
    try:
        job = json.loads((log.parents[1] / "provenance" / f"{log.stem}.json").read_text(encoding="utf-8"))
        return {repr(settings_json(**job["settings"])), repr(job["code"])} <= set(record["params"])
    except (OSError, ValueError, LookupError):
        return False
