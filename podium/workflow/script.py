"""What every script of a rule does around its work: log, errors, provenance."""

import json
import logging
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

# albumentations asks the network for a newer version when it is imported, unless told not to.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from podium.errors import PodiumError
from podium.files import needing_room, write_json

log = logging.getLogger(__name__)

_VERSIONS = ["snakemake", "torch", "torchvision", "lightning-fabric", "segmentation-models-pytorch", "detectron2"]
_VERSIONS += ["albumentations", "numpy", "pycocotools"]


@contextmanager
def running(snakemake, earlier: Callable[[], float] = lambda: 0.0) -> Iterator[dict]:
    """Run a rule's script: yields its settings, the rule's part of the configuration as plain values.

    `earlier` tells how many seconds the runs took that this one goes on from.

    Log lines go to the rule's log file and to stderr. A PodiumError ends the script with its text alone, for the fault
    is not in the code. A run that ends well leaves results/<name>/provenance/<log's name>.json.
    """
    log_file = Path(snakemake.log[0])
    _log_to(log_file)
    settings = json.loads(snakemake.params.settings)
    _use_threads(snakemake.threads)
    began = time.monotonic()
    try:
        before = earlier()
        with needing_room():
            yield settings
    except PodiumError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if type(error).__name__ != "Interrupted":
            log.exception("%s failed", snakemake.rule)
            raise
        log.warning("stopped by %s", error)
        sys.exit(1)
    write_json(
        log_file.parents[1] / "provenance" / f"{log_file.stem}.json",
        {
            "rule": snakemake.rule,
            "wildcards": dict(snakemake.wildcards.items()),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(before + time.monotonic() - began, 2),
            "threads": snakemake.threads,
            "peak_memory_bytes": _peak_memory(),
            **_device(snakemake.resources),
            "settings": settings,
            "code": snakemake.params.code,
            "data_digest": _data_digest(snakemake.input.get("digest")),
            "versions": {"python": platform.python_version(), **_versions()},
        },
        indent=1,
    )


def asked_gpus(resources: Mapping[str, object]) -> int:
    """Return how many GPUs a rule's resources name: `gpu: 4`, or `gres: gpu:4` or `gpu:a100:4` as Slurm has it."""
    if resources.get("gpu"):
        return int(resources.get("gpu"))
    found = re.search(r"\bgpu(?::[^:,]+)??(?::(\d+))?(?:,|$)", str(resources.get("gres", "")).strip("'\""))
    return int(found[1] or 1) if found else 0


def _log_to(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(file, mode="w", encoding="utf-8"), logging.StreamHandler()]
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
    logging.captureWarnings(True)
    logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)  # it logs each table that it computes


def _use_threads(threads: int) -> None:
    """Hold libraries that start threads by themselves to what the rule was given."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)


def _peak_memory() -> int:
    """Return the most memory in bytes that this process or one of its children held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _device(resources: Mapping[str, object]) -> dict:
    """Return what the work was done on. A training has a process for each GPU; the memory is that of process 0's."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        gpus, memory = max(asked_gpus(resources), 1), torch.cuda.max_memory_allocated()
        return {"device": torch.cuda.get_device_name(), "gpus": gpus, "peak_gpu_memory_bytes": memory}
    return {"device": platform.processor() or platform.machine()}


def _data_digest(file: str | None) -> str | None:
    return Path(file).read_text(encoding="ascii").strip() if file else None


def _versions() -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    found = {}
    for package in _VERSIONS:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
