"""The shipped schema and key tables are those of the code, and they say something about every key."""

import json

import pytest
import yaml

from podium.config.competition import Competition
from podium.config.reference import reference_text
from podium.config.schema import FILE, schema_text

MEND = "run `python -m podium.config.schema`"


def test_the_schema_file_is_the_codes(root):
    assert root / "config" / "schema.json" == FILE
    assert FILE.read_text(encoding="utf-8") == schema_text(), MEND


def test_the_tables_of_keys_are_the_codes(root):
    assert (root / "config" / "README.md").read_text(encoding="utf-8") == reference_text(), MEND


@pytest.mark.parametrize(
    "row",
    [
        "`val` | number > 0 &lt; 1 | `0.15` |",
        "`momentum` | number ≥ 0 &lt; 1 | `0.9` |",
        "`gamma` | number > 0 ≤ 1 | `0.1` |",
        "`size` | integer ≥ 96 ≤ 4096 | `192` |",
        "`levels` | list (exactly 2) of integer | `[2,6]` |",
        "`aspect_ratios` | list of number > 0 | `[0.5,1.0,2.0]` |",
        "`name` | name | required |",
        '`among` | `all`, `written`, `ablations` or list of name | `"all"` |',
    ],
)
def test_a_row_says_what_a_key_takes_and_nothing_twice(row):
    assert f"\n| {row} " in reference_text()


def test_every_key_of_every_section_is_described():
    schema = Competition.model_json_schema()
    sections = {"Competition": schema, **schema["$defs"]}
    keys = [
        (name, key, field) for name, section in sections.items() for key, field in section.get("properties", {}).items()
    ]
    assert len(keys) > 80
    assert [f"{name}.{key}" for name, key, field in keys if not field.get("description")] == []


def test_every_section_refuses_unknown_keys():
    schema = json.loads(schema_text())
    sections = {"Competition": schema, **schema["$defs"]}
    assert [name for name, each in sections.items() if "properties" in each and each["additionalProperties"]] == []


def test_the_shipped_files_point_editors_to_the_schema(root):
    for file in (root / "config").glob("*.yaml"):
        if file.name.count(".") == 1:
            assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n"), file


def test_the_shipped_files_have_only_keys_of_the_schema(root):
    """Walk file and schema side by side, apart from pydantic."""
    schema = json.loads(FILE.read_text(encoding="utf-8"))

    def options(node):
        if "$ref" in node:
            return options(schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
        return [each for choice in node.get("anyOf", node.get("oneOf", [])) for each in options(choice)] or [node]

    def walk(value, node, path):
        if not isinstance(value, dict):
            return
        for key, inner in value.items():
            found = [each["properties"][key] for each in options(node) if key in each.get("properties", {})]
            found += [each for one in options(node) for each in one.get("patternProperties", {}).values()]
            free = any(each.get("type") == "object" and "properties" not in each for each in options(node))
            if not found and not free:
                pytest.fail(f"{path}.{key}")
            for each in found[:1]:
                walk(inner, each, f"{path}.{key}")

    for file in (root / "config").glob("*.yaml"):
        walk(yaml.safe_load(file.read_text(encoding="utf-8")), schema, file.name)
