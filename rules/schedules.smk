"""Learning rates: drawn before they are run, tried out in a short run of their own, drawn beside the losses after it.

No training depends on any of it. The range test is only run where it is asked for:

    snakemake --cores 8 results/<name>/detection/<experiment>/lr_range.svg
"""


rule draw_schedule:
    output:
        drawing=report(
            f"{RESULTS}/{{training}}/{{experiment}}/schedule.svg",
            category="Trainings",
            subcategory="{training} {experiment}",
            labels={"shows": "learning rate as planned"},
            caption="../podium/report/captions/schedule.rst",
        ),
    log:
        f"{LOGS}/draw_schedule.{{training}}.{{experiment}}.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        settings=lambda wildcards: settings_json(
            solver=COMPETITION.experiment(
                wildcards.training, wildcards.experiment
            ).solver
        ),
        code=fingerprint("scripts/draw_schedule.py"),
    script:
        "../scripts/draw_schedule.py"


rule lr_range_test:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split(wildcards.training, wildcards.experiment),
        weights=lambda wildcards: (
            PLAN.starting_weights(wildcards.experiment)
            if wildcards.training == "detection"
            else []
        ),
    output:
        table=f"{RESULTS}/{{training}}/{{experiment}}/lr_range.csv",
        drawing=f"{RESULTS}/{{training}}/{{experiment}}/lr_range.svg",
    log:
        f"{LOGS}/lr_range_test.{{training}}.{{experiment}}.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=240,
    params:
        settings=lambda wildcards: settings_json(
            experiment=getattr(COMPETITION, wildcards.training)[wildcards.experiment]
        ),
        code=fingerprint("scripts/lr_range_test.py"),
        environment=environment("scripts/lr_range_test.py"),
    script:
        "../scripts/lr_range_test.py"


rule draw_curves:
    input:
        history=f"{RESULTS}/{{training}}/{{experiment}}/history.csv",
    output:
        drawing=report(
            f"{RESULTS}/{{training}}/{{experiment}}/curves.svg",
            category="Trainings",
            subcategory="{training} {experiment}",
            labels={"shows": "loss, rate and validation"},
            caption="../podium/report/captions/curves.rst",
        ),
    log:
        f"{LOGS}/draw_curves.{{training}}.{{experiment}}.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        settings=settings_json(),
        code=fingerprint("scripts/draw_curves.py"),
    script:
        "../scripts/draw_curves.py"
