"""Share: what colleagues get who have nothing of this installed, a viewer, pictures and files of many formats."""

if SUBMISSION and COMPETITION.share:

    rule share:
        input:
            unpack(lambda wildcards: PLAN.shared_inputs(chosen())),
            digest=DIGEST,
        output:
            folder=directory(PLAN.share),
        log:
            f"{LOGS}/share.log",
        conda:
            "../environment.yml"
        threads: 4
        resources:
            mem_mb=grown(8000),
            runtime=120,
        params:
            settings=lambda wildcards: settings_json(
                share=COMPETITION.share,
                title=COMPETITION.title or COMPETITION.name,
                experiment=PLAN.submitted(chosen_already()),
                score_threshold=SUBMISSION.score_threshold,
                shares_out=COMPETITION.shares_out(SUBMISSION.station),
            ),
            code=fingerprint("scripts/share.py"),
        script:
            "../scripts/share.py"
