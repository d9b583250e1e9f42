"""Make the page.

Input: everything that the other stations found; chosen (which experiment, where one is).
Output: page (one HTML file, offline).
"""

from pathlib import Path

from podium.config.competition import Competition
from podium.files import read_json
from podium.report.page import build_report
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        competition = Competition.model_validate(settings["competition"])
        chosen = read_json(snakemake.input.chosen) if snakemake.input.chosen else None
        build_report(
            Path(snakemake.output.page),
            competition,
            Path("data") / competition.name,
            Path("results") / competition.name,
            Path("submissions") / competition.name,
            chosen,
            settings["lost"],
        )
