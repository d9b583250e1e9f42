"""The page: everything that the other stations found, in one file that opens anywhere."""


def reported_files():
    """All that the page is made of."""
    files = [DIGEST, *submission_files()]
    files += [f"{DATA}/splits/{fold}.json" for fold in range(COMPETITION.splits.folds)]
    parts = ["val", "test"] if COMPETITION.splits.test else ["val"]
    metrics = [f"metrics.{part}.json" for part in parts]
    predictions = [f"predictions.{part}.json" for part in parts]
    kinds = {
        "detection": ["history.csv", *metrics, *predictions],
        "segmentation": ["history.csv", *metrics],
        "instances": [*metrics, *predictions],
    }
    for station, names in kinds.items():
        for experiment in getattr(COMPETITION, station):
            files += [f"{RESULTS}/{station}/{experiment}/{name}" for name in names]
    return files


rule report:
    input:
        reported_files(),
        digest=DIGEST,
    output:
        page=report(f"{RESULTS}/report.html", category="Report"),
    log:
        f"{LOGS}/report.log",
    conda:
        "../environment.yml"
    params:
        settings=settings_json(competition=COMPETITION),
        code=fingerprint("scripts/report.py"),
    script:
        "../scripts/report.py"
