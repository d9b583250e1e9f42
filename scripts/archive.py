"""Bring the competition's archive to its place.

Output: archive (tested; a file put there by hand is used as it is).
"""

from pydantic import TypeAdapter

from podium.config.source import Source
from podium.data.sources import provide_archive
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        source = TypeAdapter(Source).validate_python(settings["source"])
        provide_archive(source, snakemake.output.archive)
