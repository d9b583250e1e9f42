"""The page: everything that the other stations found, in one file that opens anywhere."""


rule report:
    input:
        PLAN.reported_files(),
        PLAN.ledger(),
        lambda wildcards: PLAN.reported_once_chosen(chosen()),
        digest=DIGEST,
        chosen=PLAN.chosen if SELECTION else [],
    output:
        page=report(
            PLAN.page,
            category="Report",
            labels={"shows": "everything on one page"},
            caption="../podium/report/captions/page.rst",
        ),
    log:
        f"{LOGS}/report.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        settings=lambda wildcards: settings_json(
            competition=COMPETITION, lost=PLAN.lost_by_name
        ),
        code=fingerprint("scripts/report.py"),
    script:
        "../scripts/report.py"
