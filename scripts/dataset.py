"""Turn the archive into one checked COCO dataset.

Input: archive.
Output: annotations, images, quarantine (what was left out or mended, and why), digest (of the content); sample (the
competition's sample submission, where it has one).
"""

from pathlib import Path

from pydantic import TypeAdapter

from podium.config.layout import AnyLayout, Checks
from podium.data.convert import build_from_archive
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        build_from_archive(
            snakemake.input.archive,
            TypeAdapter(AnyLayout).validate_python(settings["layout"]),
            Checks.model_validate(settings["checks"]),
            Path(snakemake.output.digest).parent,
            description=settings["name"],
            workers=snakemake.threads,
        )
