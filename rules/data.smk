"""Archive and dataset.

The archive is generated, copied or downloaded, or was put at data/<name>/archive.zip by hand. The dataset is its
content in one checked form; later stations depend on its digest alone, so that equal data reruns nothing.
"""

SOURCE = COMPETITION.source

if SOURCE.kind == "generated":

    rule generate:
        output:
            archive=PLAN.archive,
            solution=f"{DATA}/solution.csv",
        log:
            f"{LOGS}/generate.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            settings=settings_json(source=SOURCE),
            code=fingerprint("scripts/generate.py"),
        script:
            "../scripts/generate.py"

else:

    # A local archive is watched for changes where it is there; where it is not, the job says what to do.
    rule archive:
        input:
            PLAN.local_archive(),
        output:
            archive=update(PLAN.archive),  # one put there by hand is not deleted but used
        log:
            f"{LOGS}/archive.log",
        localrule: True
        conda:
            "../environment.yml"
        resources:
            runtime=PLAN.archive_minutes(),
        params:
            settings=settings_json(source=SOURCE),
            code="",  # an archive is what it is: new code is no reason to download it again
        script:
            "../scripts/archive.py"


rule dataset:
    input:
        archive=PLAN.archive,
    output:
        annotations=f"{DATA}/dataset/annotations.json",
        quarantine=f"{DATA}/dataset/quarantine.json",
        images=directory(f"{DATA}/dataset/images"),
        sample=(
            f"{DATA}/dataset/sample_submission.csv"
            if COMPETITION.layout.sample_submission
            else []
        ),
        digest=DIGEST,
    log:
        f"{LOGS}/dataset.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(8000),
        runtime=240,
    params:
        settings=settings_json(
            layout=COMPETITION.layout,
            checks=COMPETITION.checks,
            name=COMPETITION.name,
        ),
        code=fingerprint("scripts/dataset.py"),
    script:
        "../scripts/dataset.py"
