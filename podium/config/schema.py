"""The JSON schema of the configuration, from which editors complete and check.

`python -m podium.config.schema` writes it and the tables of config/README.md.
"""

import json
from pathlib import Path

from podium.config import reference
from podium.config.competition import Competition
from podium.files import write_text

FILE = Path(__file__).parents[2] / "config" / "schema.json"


def schema_text() -> str:
    """Return the JSON schema as the text that config/schema.json holds."""
    return json.dumps(Competition.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    write_text(FILE, schema_text())
    write_text(reference.FILE, reference.reference_text())
