"""Bring weights of Detectron2's model zoo to their place.

Output: weights (checked against their hash; a file put there by hand is used as it is), record (what they are: origin,
size, hashes, licence).
"""

from podium.data.zoo_weights import provide_zoo_weights
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        provide_zoo_weights(settings["model"], snakemake.output.weights, snakemake.output.record)
