"""The report: one page that needs nothing but a browser."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import jinja2

from podium.config.chosen import Chosen, judged_parts, shown_experiments
from podium.config.competition import Competition
from podium.config.judging import Station
from podium.data.dataset import load_dataset
from podium.files import write_text
from podium.report.ablations import ablations_section
from podium.report.blocks import Section, Text
from podium.report.comparison import comparison_section
from podium.report.dataset import data_section
from podium.report.experiments import detection_section, instances_section, segmentation_section
from podium.report.galleries import predictions_file, truth_galleries
from podium.report.mistakes import mistakes_gallery
from podium.report.provenance import provenance_section
from podium.report.selection import selection_section
from podium.report.submission import submission_section
from podium.report.summary import headlines

FOLDER = Path(__file__).parent


def build_report(
    page: Path,
    competition: Competition,
    data: Path,
    results: Path,
    submissions: Path,
    chosen: Chosen = None,
    lost: Mapping[str, str] | None = None,
) -> None:
    """Write the report of a competition as one HTML page: pictures, plots and style are in it, scripts are not.

    Equal files give equal bytes. Of the files only the checked dataset has to exist: a note on the page stands for
    any other that is missing.

    Parameters
    ----------
    page
        The file to write.
    data, results, submissions
        The competition's folders: `data/<name>`, `results/<name>`, `submissions/<name>`.
    chosen
        The experiment that was selected, as chosen.json has it. What lies there of the test part for others is not
        read.
    lost
        How trainings diverged, by points of ablations such as detection.x101-base_lr-0p1 that have no model for it.

    Raises
    ------
    PodiumError
        Where the dataset is missing or a file is malformed.
    """
    dataset = load_dataset(data / "dataset")
    comparison = comparison_section(competition, dataset, results)  # of ways, in an order that no choice changes
    if chosen:
        competition = competition.submitting(chosen["experiment"])

    def galleries(station: str, name: str) -> list:
        part = _pictured(competition, station, name, chosen)
        if part is None:
            return []
        return [
            *truth_galleries(competition, dataset, data, results, station, name, part),
            *mistakes_gallery(competition, dataset, results, station, name, part),
        ]

    def has_pictures(name: str) -> bool:
        part = _pictured(competition, "instances", name, chosen)
        return part is not None and (results / predictions_file("instances", name, part)).exists()

    names = {each: shown_experiments(competition, each, chosen) for each in ("detection", "segmentation", "instances")}
    detection = [detection_section(name, competition, results, chosen) for name in names["detection"]]
    instances = [instances_section(name, competition, results, chosen) for name in names["instances"]]
    for name, section in zip(names["instances"], instances, strict=True):
        section.blocks += galleries("instances", name)
    # Pictures of instances show their boxes' detector too.
    if not any(map(has_pictures, names["instances"])):
        for name, section in zip(names["detection"], detection, strict=True):
            section.blocks += galleries("detection", name)
    segmentation = [segmentation_section(name, competition, results, chosen) for name in names["segmentation"]]
    sections = [
        data_section(competition, dataset, data),
        _station("Detection", detection),
        _station("Segmentation", segmentation),
        _station("Instances", instances),
        *comparison,
        *ablations_section(competition, dataset, data, results, lost or {}),
        *selection_section(competition, results),
        submission_section(competition, dataset, results, submissions),
        provenance_section(competition, results),
    ]
    write_text(
        page,
        _template().render(
            title=competition.title or competition.name,
            name=competition.name,
            headlines=headlines(competition, dataset, data, results, submissions, chosen),
            sections=sections,
            style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        ),
    )


def _pictured(competition: Competition, station: Station, name: str, chosen: Chosen) -> str | None:
    """Return the part whose images are shown: test, validation where there is no test part; None for the unselected."""
    parts = judged_parts(competition, station, name, chosen)
    return parts[-1] if "test" in parts or not competition.splits.test else None


def _station(title: str, sections: Iterable[Section]) -> Section:
    sections = list(sections)
    blocks = [] if sections else [Text("The configuration has no such experiment.")]
    return Section(title, title.lower(), blocks, sections)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html")
