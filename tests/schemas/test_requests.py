"""data/simulator/schemas is what the pinned SDKs say today, and closed enough to catch what it is there to catch."""
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import pytest

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
SCHEMAS = SOURCE / "data" / "simulator" / "schemas"
TEXT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}

# name -> a request that fits, and what breaks it
FITTING = {
    "openai.chat": (TEXT, {"top_k": 1}),
    "openai.completion": ({"model": "m", "prompt": "Hi"}, {"prompt": {}}),
    "openai.embed": ({"model": "m", "input": ["Hi"]}, {"dimensions": "many"}),
    "responses.chat": ({"model": "m", "input": [{"role": "user", "content": "Hi"}]}, {"stop": ["END"]}),
    "anthropic.chat": ({**TEXT, "max_tokens": 1}, {"frequency_penalty": 1}),
    "anthropic.count_tokens": (TEXT, {"max_tokens": 1}),
    "gemini.chat": ({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, {"model": "m"}),
    "gemini.count_tokens": ({"contents": [{"parts": [{"text": "Hi"}]}]}, {"contents": "Hi"}),
    "gemini.embed": ({"requests": [{"model": "models/m", "content": {"parts": [{"text": "Hi"}]}}]}, {"texts": []}),
    "cohere.chat": (TEXT, {"top_p": 0.5}),
    "cohere.embed": ({"model": "m", "input_type": "search_query", "texts": ["Hi"]}, {"input": "Hi"}),
}


def test_the_files_are_what_the_sdks_say():
    made = subprocess.run([sys.executable, SOURCE / "tools" / "make_request_schemas", "--check"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


def test_every_file_is_tried():
    assert sorted(file.stem for file in SCHEMAS.glob("*.json")) == sorted(FITTING)


@pytest.mark.parametrize("name", sorted(FITTING))
def test_a_request_fits_and_a_broken_one_does_not(name):
    validator = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))
    request, broken = FITTING[name]
    assert not [error.message for error in validator.iter_errors(request)]
    assert not validator.is_valid({**request, **broken})
