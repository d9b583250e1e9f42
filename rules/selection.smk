"""The best experiment by a metric on validation, with a record of why.

Where there is a selection, the test part is read once: every rule that reads it waits for the choice and refuses other
experiments. Which jobs that means is known once the choice is made: Snakemake plans on from there.
"""

SELECTION = COMPETITION.selection


def chosen():
    """Return what was chosen, None where nothing is to be; until then Snakemake takes the choice for an input."""
    if not SELECTION:
        return None
    return read_json(checkpoints.select_experiment.get().output.chosen)


def chosen_already():
    """Return what was chosen, None where it is not yet."""
    return read_json(PLAN.chosen) if SELECTION and Path(PLAN.chosen).exists() else None


def before_test(station):
    """Return an input function: of the part test the choice, which must be of the experiment."""

    def wait(wildcards):
        if not SELECTION or wildcards.split != "test":
            return []
        found = chosen()
        try:
            PLAN.refuse_unchosen(station, wildcards.experiment, found)
        except PodiumError as error:
            raise WorkflowError(str(error)) from None
        return PLAN.chosen

    return wait


if SELECTION:

    checkpoint select_experiment:
        input:
            unpack(
                lambda wildcards: PLAN.judged_by(SELECTION.station, PLAN.candidates())
            ),
            digest=DIGEST,
        output:
            selection=report(
                PLAN.selection,
                category="Selection",
                labels={"shows": "the choice and why"},
                caption="../podium/report/captions/selection.rst",
            ),
            chosen=PLAN.chosen,
        log:
            f"{LOGS}/select_experiment.log",
        conda:
            "../environment.yml"
        resources:
            mem_mb=grown(8000),
            runtime=120,
        params:
            settings=settings_json(
                station=SELECTION.station,
                metric=SELECTION.metric,
                candidates=PLAN.candidates(),
                evaluation=PLAN.limits,
                shares_out=COMPETITION.shares_out(SELECTION.station),
            ),
            code=fingerprint("scripts/select_experiment.py"),
        script:
            "../scripts/select_experiment.py"
