"""How a model is trained. Names follow Detectron2's SOLVER section."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from podium.config.section import Fraction, Positive, Section


class Solver(Section):
    """Everything is counted in iterations: one iteration is one step of the optimiser."""

    optimizer: Literal["sgd", "adam", "adamw"] = Field("sgd", description="the optimiser of torch.optim")
    base_lr: Positive = Field(description="learning rate, which the schedule moves; never rescaled by batch or GPUs")
    momentum: Fraction = Field(0.9, lt=1, description="momentum of sgd, beta1 of adam and adamw")
    weight_decay: float = Field(0.0001, ge=0, description="weight decay; biases and normalisation layers have none")
    schedule: Literal["constant", "steps", "cosine", "one_cycle"] = Field(
        "constant",
        description="how the rate moves after warm-up: stays, is multiplied by gamma at each of `steps`, "
        "falls to zero as a cosine, or rises and falls as one cycle (which has its own warm-up)",
    )
    steps: tuple[int, ...] = Field((), description="iterations at which schedule `steps` multiplies the rate by gamma")
    gamma: Fraction = Field(0.1, gt=0, description="factor at each step")
    warmup_iters: int = Field(0, ge=0, description="iterations of linear warm-up from warmup_factor * base_lr")
    warmup_factor: Fraction = Field(0.001, description="the rate at iteration 0 as a part of base_lr")
    max_iter: int = Field(ge=0, description="iterations; 0 leaves the model as it was initialised")
    ims_per_batch: int = Field(2, ge=1, description="samples in an iteration, over all processes and parts")
    clip_norm: Positive | None = Field(None, description="gradients are scaled down to this norm; null: never")
    eval_period: int = Field(500, ge=1, description="iterations between evaluations on validation; also at the end")
    checkpoint_period: int = Field(
        500, ge=1, description="iterations between saves of the training state, from which a killed run continues"
    )
    keep: Literal["best", "last"] = Field("best", description="which weights become model.pt, by validation or by age")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Lightning Fabric's precision"
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="parts in which each process runs its share of a batch, one after the other, where memory is "
        "short; their gradients are averaged, and an iteration stays one step of the optimiser",
    )
    heads_only_iters: int = Field(
        0,
        ge=0,
        description="first iterations in which the heads alone learn (a detector's roi_heads, a segmenter's decoder); "
        "after them all that freeze_at leaves",
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="decay of the exponential moving average of the weights, which is then validated and kept in their "
        "place: 0.999 averages about the last 1000 iterations; null: no average",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="validations in a row without a new best one after which the training ends before max_iter; "
        "null: never",
    )

    @model_validator(mode="after")
    def _the_schedule_means_something(self):
        # Odd settings that Detectron2 runs are run too, as it does: podium.training.schedule_advice warns of them.
        if self.steps and self.schedule != "steps":
            raise ValueError(f"steps {list(self.steps)} are only used by schedule: steps, not {self.schedule}")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps {list(self.steps)} must increase")
        if self.steps and self.steps[0] < 1:
            raise ValueError(f"step {self.steps[0]} is none: iterations count from 0, the first step is 1 or later")
        if self.schedule == "one_cycle" and self.warmup_iters:
            raise ValueError("schedule one_cycle warms up by itself: leave warmup_iters at 0")
        return self

    @model_validator(mode="after")
    def _parts_and_stages_fit_in(self):
        if self.ims_per_batch % self.accumulate:
            raise ValueError(
                f"a batch of {self.ims_per_batch} cannot be split into {self.accumulate} equal parts: "
                "make ims_per_batch a multiple of accumulate"
            )
        if self.max_iter and self.heads_only_iters >= self.max_iter:
            raise ValueError(
                f"heads_only_iters {self.heads_only_iters} leaves no iteration for the rest: "
                f"max_iter is {self.max_iter}"
            )
        return self
