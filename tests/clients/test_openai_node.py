"""Starts node/openai_node.mjs beside a hub and lets it script the provider over a small control server."""
import http.server
import json
import os
import threading

import pytest

from harness import hub as hubs, node, upstream as up
from harness.reciting_model import RECITED


def scripts():
    unavailable = up.answering({"error": {"message": "x", "type": "y"}}, 503, headers=[("retry-after", "0")])

    def twice(answers):
        return lambda exchange: next(answers, up.complete)(exchange)
    return {"complete": lambda: up.complete, "rubbish": lambda: up.sending(b"rubbish"),
            "cut": lambda: up.cutting_after(4), "stall": lambda: up.stalling_after(2),
            "twice-unavailable": lambda: twice(iter([unavailable] * 2))}


@pytest.fixture
def control():
    """POST /<script> exchanges the provider's behaviour; /left waits for it to be left, /count counts."""
    with up.Upstream() as provider:
        class Control(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                name, reply = self.path.strip("/"), {}
                if name == "left":
                    provider.wait_left()
                    reply = {"left": True}
                elif name == "count":
                    reply = {"requests": len(provider.requests)}
                else:
                    provider.forget()
                    provider.script = scripts()[name]()
                body = json.dumps(reply).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield provider, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()


def test_openai_for_node(control):
    provider, told_by = control
    with hubs.Hub(providers={"openai": provider}, models=("reciter", "endless")) as hub:
        run = node.run("openai_node.mjs", {
            "PATH": os.environ["PATH"], "SLUICE_URL": hub.url, "SLUICE_KEY": hub.key, "RECITED": RECITED,
            "ANSWER": up.ANSWER, "TOLD_BY": told_by})
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    assert "fail 0" in run.stdout and "pass 0" not in run.stdout
