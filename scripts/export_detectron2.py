"""Write a trained detector as Detectron2's users load it.

Input: model (model.pt).
Output: weights (.pth in Detectron2's layout), config (the keys that make Detectron2 build the model).
"""

from podium.models.export import export_detectron2
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake):
        outputs = snakemake.output
        export_detectron2(snakemake.input.model, weights=outputs.weights, config=outputs.config)
