"""Where a training's numbers are sent while it runs, besides its log and TensorBoard's files."""

from typing import Literal

Tracking = Literal["none", "mlflow", "wandb"]
