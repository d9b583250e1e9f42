"""Train, validation and test parts: one file for each fold."""


rule splits:
    input:
        digest=DIGEST,
    output:
        splits=PLAN.splits(),
    log:
        f"{LOGS}/splits.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        settings=settings_json(splits=COMPETITION.splits),
        code=fingerprint("scripts/splits.py"),
    script:
        "../scripts/splits.py"
