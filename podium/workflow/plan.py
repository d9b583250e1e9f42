"""What the Snakefile needs while it plans. Nothing heavy is imported here."""

from podium.config.section import Section
from podium.files import canonical_json


def settings_json(**parts: object) -> str:
    """Return a rule's part of the configuration as one canonical JSON text.

    Snakemake compares the values of params without their names, so that swapped values would go unnoticed; one text
    is compared as a whole.
    """
    return canonical_json({name: _plain(part) for name, part in parts.items()})


def _plain(part: object) -> object:
    return part.model_dump(mode="json") if isinstance(part, Section) else part
