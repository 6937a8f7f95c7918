"""data/prices/*.json against data/schemas/price.schema.json, with a validator that is not ours.

The C++ test hub.catalog.price_list reads the same files with the program's own rules; this one keeps the schema that
editors use from drifting away from them.
"""
import copy
import json
import os
import pathlib

import jsonschema
import pytest

ROOT = pathlib.Path(os.environ.get("SLUICE_SOURCE", pathlib.Path(__file__).parents[2]))
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "data/schemas/price.schema.json").read_text()))
FILES = sorted((ROOT / "data/prices").glob("*.json"))
PROVIDERS = {file.stem for file in (ROOT / "data/providers").glob("*.json")}


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    assert len(FILES) >= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_valid_and_belongs_to_a_provider(file):
    prices = json.loads(file.read_text())
    assert [error.message for error in VALIDATOR.iter_errors(prices)] == []
    assert prices["provider"] == file.stem
    assert file.stem in PROVIDERS
    ids = [offer["id"].lower() for offer in prices["offers"]]
    assert len(ids) == len(set(ids))


# The mistakes that hub.catalog.price_list refuses are refused here as well.
@pytest.mark.parametrize("path, value", [
    (["offer"], []),
    (["provider"], "Groq"),
    (["offers", 0, "id"], ""),
    (["offers", 0, "sorce"], "s"),
    (["offers", 0, "kind"], "poetry"),
    (["offers", 0, "context_length"], -1),
    (["offers", 0, "tools"], "yes"),
    (["offers", 0, "price"], {"source": "s", "date": "2026-01-01"}),
    (["offers", 0, "price", "date"], "26-01-01"),
    (["offers", 0, "price", "usd_per_million"], {"input": -0.1}),
    (["offers", 0, "price", "usd_per_million"], {"input": "1"}),
    (["offers", 0, "price", "usd_per_million"], {"inputs": 1}),
    (["offers", 0, "price", "source"], "s" * 257),
    (["offers", 0, "price", "tiers"], [{"usd_per_million": {}}]),
], ids=str)
def test_mistake_is_refused(path, value):
    prices = copy.deepcopy(json.loads((ROOT / "data/prices/groq.json").read_text()))
    place = prices
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert list(VALIDATOR.iter_errors(prices))
