"""The page: everything that the other stations found, in one file that opens anywhere."""


rule report:
    input:
        PLAN.reported_files(),
        PLAN.ledger(),
        digest=DIGEST,
    output:
        page=report(PLAN.page, category="Report"),
    log:
        f"{LOGS}/report.log",
    conda:
        "../environment.yml"
    params:
        settings=settings_json(competition=COMPETITION),
        code=fingerprint("scripts/report.py"),
    script:
        "../scripts/report.py"
