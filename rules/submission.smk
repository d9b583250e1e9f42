"""The submission: written, checked, scored where a solution is known; uploaded only by the target `submit`."""

if SUBMISSION:

    rule write_submission:
        input:
            digest=DIGEST,
            predictions=f"{RESULTS}/{SUBMISSION.station}/{{experiment}}/predictions.submission.json",
            choice=lambda wildcards: PLAN.choice(
                SUBMISSION.station, wildcards.experiment, "submission"
            ),
        output:
            csv=f"{SUBMISSIONS}/{{experiment}}.csv",
        log:
            f"{LOGS}/write_submission.{{experiment}}.log",
        group:
            "submission_{experiment}"
        conda:
            "../environment.yml"
        params:
            settings=settings_json(
                format=SUBMISSION.format,
                images=SUBMISSION.images,
                score_threshold=SUBMISSION.score_threshold,
                shares_out=COMPETITION.shares_out(SUBMISSION.station),
            ),
            code=fingerprint("scripts/write_submission.py"),
        script:
            "../scripts/write_submission.py"

    rule check_submission:
        input:
            digest=DIGEST,
            csv=f"{SUBMISSIONS}/{{experiment}}.csv",
        output:
            check=f"{SUBMISSIONS}/{{experiment}}.check.json",
        log:
            f"{LOGS}/check_submission.{{experiment}}.log",
        group:
            "submission_{experiment}"
        conda:
            "../environment.yml"
        params:
            settings=settings_json(format=SUBMISSION.format, images=SUBMISSION.images),
            code=fingerprint("scripts/check_submission.py"),
        script:
            "../scripts/check_submission.py"

    rule score_submission:
        input:
            digest=DIGEST,
            csv=f"{SUBMISSIONS}/{{experiment}}.csv",
            check=f"{SUBMISSIONS}/{{experiment}}.check.json",
            solution=SUBMISSION.solution or [],
        output:
            score=f"{SUBMISSIONS}/{{experiment}}.score.json",
        log:
            f"{LOGS}/score_submission.{{experiment}}.log",
        group:
            "submission_{experiment}"
        conda:
            "../environment.yml"
        params:
            settings=settings_json(
                format=SUBMISSION.format,
                metric=SUBMISSION.metric,
                max_detections=COMPETITION.evaluation.max_detections,
                bootstrap_samples=COMPETITION.evaluation.bootstrap_samples,
            ),
            code=fingerprint("scripts/score_submission.py"),
        script:
            "../scripts/score_submission.py"


if SUBMISSION and COMPETITION.kaggle_name:

    rule score_validation:
        input:
            unpack(lambda wildcards: PLAN.validation_inputs(wildcards.experiment)),
            digest=DIGEST,
        output:
            score=f"{SUBMISSIONS}/{{experiment}}.validation.json",
        log:
            f"{LOGS}/score_validation.{{experiment}}.log",
        group:
            "submission_{experiment}"
        conda:
            "../environment.yml"
        resources:
            mem_mb=grown(8000),
            runtime=60,
        params:
            settings=settings_json(
                metric=SUBMISSION.metric,
                score_threshold=SUBMISSION.score_threshold,
                shares_out=COMPETITION.shares_out(SUBMISSION.station),
                max_detections=COMPETITION.evaluation.max_detections,
                bootstrap_samples=COMPETITION.evaluation.bootstrap_samples,
            ),
            code=fingerprint("scripts/score_validation.py"),
        script:
            "../scripts/score_validation.py"

    # Uploading and waiting for the score are two jobs: the second can fail and be repeated, the first must not.
    rule upload:
        input:
            csv=f"{SUBMISSIONS}/{{experiment}}.csv",
            check=f"{SUBMISSIONS}/{{experiment}}.check.json",
            validation=f"{SUBMISSIONS}/{{experiment}}.validation.json",
            tuning=lambda wildcards: PLAN.validation_inputs(wildcards.experiment).get(
                "tuning", []
            ),
            score=(
                f"{SUBMISSIONS}/{{experiment}}.score.json"
                if SUBMISSION.solution
                else []
            ),
        output:
            upload=f"{SUBMISSIONS}/{{experiment}}.upload.json",
        log:
            f"{LOGS}/upload.{{experiment}}.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            settings=settings_json(
                competition=COMPETITION.kaggle_name,
                code_competition=SUBMISSION.code_competition,
                message=SUBMISSION.message,
            ),
            code=fingerprint("scripts/upload.py"),
        script:
            "../scripts/upload.py"

    rule leaderboard_score:
        input:
            upload=f"{SUBMISSIONS}/{{experiment}}.upload.json",
        output:
            score=f"{SUBMISSIONS}/{{experiment}}.leaderboard.json",
        log:
            f"{LOGS}/leaderboard_score.{{experiment}}.log",
        localrule: True
        conda:
            "../environment.yml"
        params:
            settings=settings_json(competition=COMPETITION.kaggle_name),
            code=fingerprint("scripts/leaderboard_score.py"),
        script:
            "../scripts/leaderboard_score.py"


# Of any competition, so that one that cannot be submitted says why.
rule submit:
    input:
        lambda wildcards: PLAN.leaderboard(chosen),
