"""Learning rates, drawn before they are run: needs neither data nor a GPU."""


rule draw_schedule:
    output:
        drawing=f"{RESULTS}/{{training}}/{{experiment}}/schedule.svg",
    log:
        f"{LOGS}/draw_schedule.{{training}}.{{experiment}}.log",
    conda:
        "../environment.yml"
    params:
        settings=lambda wildcards: settings_json(
            solver=getattr(COMPETITION, wildcards.training)[
                wildcards.experiment
            ].solver
        ),
        code=fingerprint("scripts/draw_schedule.py"),
    script:
        "../scripts/draw_schedule.py"
