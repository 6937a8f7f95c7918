"""data/providers/*.json against data/schemas/provider.schema.json, with a validator that is not ours.

The C++ test hub.catalog.provider_file reads the same files with the program's own rules; this one keeps the schema
that editors use from drifting away from them.
"""
import copy
import json
import os
import pathlib

import jsonschema
import pytest

ROOT = pathlib.Path(os.environ.get("SLUICE_SOURCE", pathlib.Path(__file__).parents[2]))
SCHEMA = json.loads((ROOT / "data/schemas/provider.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FILES = sorted((ROOT / "data/providers").glob("*.json"))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(FILES) == 41


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_valid_and_named_after_its_provider(file):
    provider = json.loads(file.read_text())
    assert [error.message for error in VALIDATOR.iter_errors(provider)] == []
    assert provider["id"] == file.stem


def _set(path, value):
    def change(provider):
        for key in path[:-1]:
            provider = provider[key]
        provider[path[-1]] = value
    return change


# The mistakes that hub.catalog.provider_file refuses are refused here as well.
@pytest.mark.parametrize("change", [
    _set(["quirk"], []),
    _set(["id"], "device"),
    _set(["id"], "Groq"),
    _set(["base_url"], "http://api.groq.com"),
    _set(["base_url"], "https://api.groq.com/"),
    _set(["base_url"], "api.groq.com"),
    _set(["dialect"], "klingon"),
    _set(["auth", "kind"], "magic"),
    _set(["auth"], {"kind": "header"}),
    _set(["auth"], {"kind": "none", "header": "x"}),
    _set(["auth", "scheme"], "Key or Bearer"),
    _set(["auth", "env"], ["GROQ_BASE_URL"]),
    _set(["paths"], {}),
    _set(["paths", "embeddings"], "/v1"),
    _set(["paths", "chat"], "v1"),
    _set(["quirks"], [{"name": "rename", "parameter": "a"}]),
    _set(["quirks"], [{"name": "drop", "parameter": "a", "to": "b"}]),
    _set(["quirks"], [{"name": "dropp", "parameter": "a"}]),
    _set(["stream_usage"], "sometimes"),
    _set(["quirks"], [{"name": "drop", "parameter": "model"}]),
    _set(["quirks"], [{"name": "map_value", "parameter": "a", "values": {}}]),
    _set(["quirks"], [{"name": "strip_nulls", "parameter": "a"}]),
    _set(["quirks"], [{"name": "copy_json_schema"}]),
    _set(["headers"], {"Host": "x"}),
    _set(["headers"], {"host": "x"}),
    _set(["also"], [{"dialect": "klingon", "paths": {"chat": "/x"}}]),
    _set(["also"], [{"dialect": "openai"}]),
    _set(["also", 0, "auth"], {"kind": "none"}),
    _set(["variables"], {"model": {}}),
    _set(["variables"], {"zone": {"value": "x"}}),
    _set(["capabilities"], {"smell": True}),
    _set(["answer", "errors"], ["round"]),
    _set(["not_built"], ""),
    _set(["hf_partner"], "maybe"),
    _set(["data_policy", "trains"], False),  # while the source is unknown
    _set(["data_policy", "date"], "1.11.2026"),
    _set(["uncertain"], "yes"),
])
def test_a_mistake_is_refused(change):
    provider = copy.deepcopy(json.loads((ROOT / "data/providers/groq.json").read_text()))
    assert VALIDATOR.is_valid(provider)
    change(provider)
    assert not VALIDATOR.is_valid(provider)
