"""Draw the demo competition.

Output: archive (as a competition ships it), solution (which a competition keeps to itself).
"""

from functools import partial
from pathlib import Path

from podium.config.formats import resolve_format
from podium.config.source import GeneratedSource
from podium.data.generated.competition import generate
from podium.submission.rle import encode
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        source = GeneratedSource.model_validate(settings["source"])
        generate(
            Path(snakemake.output.archive),
            Path(snakemake.output.solution),
            seed=source.seed,
            train_images=source.train_images,
            test_images=source.test_images,
            size=source.size,
            encode=partial(encode, convention=resolve_format("dsb2018").code),
        )
