"""Thresholds, chosen on the validation part for the competition's metric; other parts' instances are made by them."""

if SUBMISSION and SUBMISSION.tuning:

    rule tune:
        input:
            unpack(
                lambda wildcards: PLAN.tuning_inputs(
                    wildcards.station, wildcards.experiment
                )
            ),
            digest=DIGEST,
        output:
            tuning=f"{RESULTS}/{{station}}/{{experiment}}/tuning.json",
            choice=f"{RESULTS}/{{station}}/{{experiment}}/choice.json",
        log:
            f"{LOGS}/tune.{{station}}.{{experiment}}.log",
        conda:
            "../environment.yml"
        threads: 8
        resources:
            mem_mb=grown(16000),
            runtime=240,
        params:
            settings=lambda wildcards: settings_json(
                tuning=SUBMISSION.tuning,
                metric=SUBMISSION.metric,
                score_threshold=SUBMISSION.score_threshold,
                shares_out=COMPETITION.shares_out(wildcards.station),
                experiment=(
                    COMPETITION.instances[wildcards.experiment]
                    if wildcards.station == "instances"
                    else None
                ),
                group_by=COMPETITION.splits.group_by,
                max_detections=COMPETITION.evaluation.max_detections,
                bootstrap_samples=COMPETITION.evaluation.bootstrap_samples,
            ),
            code=fingerprint("scripts/tune.py"),
            environment=environment("scripts/tune.py"),
        script:
            "../scripts/tune.py"

    rule draw_tuning:
        input:
            tuning=f"{RESULTS}/{{station}}/{{experiment}}/tuning.json",
        output:
            drawing=f"{RESULTS}/{{station}}/{{experiment}}/tuning.svg",
        log:
            f"{LOGS}/draw_tuning.{{station}}.{{experiment}}.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            settings=settings_json(),
            code=fingerprint("scripts/draw_tuning.py"),
        script:
            "../scripts/draw_tuning.py"
