"""Model files that lose their bytes while the server has them mapped."""
import json
import os
import pathlib
import shutil

from harness import hub as hubs

GOLDEN = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "tests" / "golden" / "smolvlm" / "llama"


def chat(hub):
    return hub.ask("POST", "/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 2,
                                                    "messages": [{"role": "user", "content": "Hi"}]})


def test_a_checkpoint_cut_short_is_an_error_until_it_is_whole_again():
    hub = hubs.Hub(models=("reciter",))
    folder = hub.models / "eye" / "tiny"
    shutil.copytree(GOLDEN, folder)
    weights = folder / "model.safetensors"
    with hub:
        assert chat(hub).status == 200
        os.truncate(weights, 5000)
        # Whatever is asked first meets the loaded model, then what is left on the disk.
        for _ in range(3):
            reply = chat(hub)
            assert reply.status >= 500, reply.body
            assert "model.safetensors" in json.loads(reply.body)["error"]["message"], reply.body
        assert hub.ask("POST", "/v1/chat/completions", {"model": "reciter", "max_tokens": 2,
                                                        "messages": [{"role": "user", "content": "Hi"}]}).status == 200
        whole = folder / "whole"
        shutil.copy(GOLDEN / "model.safetensors", whole)
        whole.rename(weights)
        assert chat(hub).status == 200
