"""The front doors as their clients use them: writes an Ask, reads an answer, whole or streamed, into a Said.

Nothing here is sluice's code: these are the clients' habits, by hand. A reader is strict about what a client relies on
(every event in its place, ids that agree) and fails with AssertionError.
"""
import json

from .conversations import PICTURE, RESULTS, Said

FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter",
          "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls",
          "refusal": "content_filter"}


class Failed(Exception):
    """An error in the front's own shape: status (200 inside a stream) and message."""

    def __init__(self, status, message, kind=""):
        super().__init__(f"{status} {kind} {message}")
        self.status, self.message, self.kind = status, message, kind


def frames(text):
    """(event name, data) of every SSE frame; comments left out."""
    for block in text.split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].strip())
        if data:
            yield name, "\n".join(data)


class OpenAI:
    def write(self, ask, model, stream, history=None):
        messages = [{"role": "system", "content": ask.system}] if ask.system else []
        messages += [{"role": role, "content": text} for role, text in ask.turns]
        if ask.picture:
            url = {"url": f"data:image/png;base64,{PICTURE}"}
            messages[-1]["content"] = [{"type": "text", "text": ask.turns[-1][1]}, {"type": "image_url", "image_url": url}]
        if history is not None:
            messages.append(history.raw)
            messages += [{"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]}
                         for call in history.raw.get("tool_calls", [])]
            if not history.calls:
                messages.append({"role": "user", "content": "And why is that?"})
        body = {"model": model, "messages": messages, "stream": stream, **ask.parameters}
        if stream:
            body["stream_options"] = {"include_usage": True}
        if ask.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in ask.tools]
        if ask.choice:
            body["tool_choice"] = (ask.choice if ask.choice in ("none", "required") else
                                   {"type": "function", "function": {"name": ask.choice}})
        if not ask.parallel:
            body["parallel_tool_calls"] = False
        if ask.schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "weather", "schema": ask.schema}}
        if ask.reasoning:
            body["reasoning_effort"] = "low"
        return body

    def read(self, answer):
        self.check_error(answer.status, answer.json)
        whole = answer.json
        assert whole["object"] == "chat.completion" and whole["id"] and isinstance(whole["created"], int)
        choice, = whole["choices"]
        message = choice["message"]
        assert message["role"] == "assistant"
        calls = [(call["function"]["name"], json.loads(call["function"]["arguments"]))
                 for call in message.get("tool_calls") or []]
        usage = whole["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], usage
        return Said(message.get("content") or "", message.get("reasoning_content") or "", message.get("refusal") or "",
                    calls, FINISH[choice["finish_reason"]], usage["prompt_tokens"], usage["completion_tokens"],
                    {key: value for key, value in message.items() if value is not None})

    def read_stream(self, answer):
        self.check_error(answer.status, answer.json if answer.status != 200 else None)
        said, calls, finish, ended = Said(), {}, None, False
        message, details = {"role": "assistant"}, {}
        for _, data in frames(answer.body.decode()):
            assert not ended, f"an event behind [DONE]: {data}"
            if data == "[DONE]":
                ended = True
                continue
            event = json.loads(data)
            self.check_error(200, event)
            assert event["object"] == "chat.completion.chunk" and event["id"]
            if event.get("usage"):
                said.input, said.output = event["usage"]["prompt_tokens"], event["usage"]["completion_tokens"]
            for choice in event["choices"]:
                assert finish is None or not choice["delta"].get("content"), "text behind the end"
                delta = choice["delta"]
                said.text += delta.get("content") or ""
                said.reasoning += delta.get("reasoning_content") or ""
                said.refusal += delta.get("refusal") or ""
                for detail in delta.get("reasoning_details") or []:
                    joined = details.setdefault(detail.get("index", 0), dict.fromkeys(detail, ""))
                    for key, value in detail.items():
                        joined[key] = (joined.get(key) or "") + value if key in ("text", "summary") else value
                for piece in delta.get("tool_calls") or []:
                    call = calls.setdefault(piece["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
                    call["id"] = piece.get("id") or call["id"]
                    call["function"]["name"] += piece.get("function", {}).get("name") or ""
                    call["function"]["arguments"] += piece.get("function", {}).get("arguments") or ""
                    if piece.get("extra_content"):
                        call["extra_content"] = piece["extra_content"]
                finish = choice.get("finish_reason") or finish
        assert ended, "no [DONE]"
        assert finish, "no finish_reason"
        assert sorted(calls) == list(range(len(calls))), calls
        assert all(call["id"] for call in calls.values()), calls
        said.calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls.values()]
        said.finish = FINISH[finish]
        message["content"] = said.text
        if calls:
            message["tool_calls"] = list(calls.values())
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        if details:
            message["reasoning_details"] = list(details.values())
        said.raw = message
        return said

    def check_error(self, status, body):
        if isinstance(body, dict) and "error" in body and (status != 200 or body["error"]):
            error = body["error"]
            assert isinstance(error["message"], str) and error["message"] and isinstance(error["type"], str), body
            assert {"param", "code"} <= error.keys(), body
            raise Failed(status, error["message"], error["type"])
        assert status == 200, (status, body)


class Responses:
    def write(self, ask, model, stream, history=None):
        items = [{"role": role, "content": text} for role, text in ask.turns]
        if ask.picture:
            items[-1]["content"] = [{"type": "input_text", "text": ask.turns[-1][1]},
                                    {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"}]
        if history is not None:
            items += history.raw
            results = [{"type": "function_call_output", "call_id": item["call_id"], "output": RESULTS[item["name"]]}
                       for item in history.raw if item["type"] == "function_call"]
            items += results or [{"role": "user", "content": "And why is that?"}]
        parameters = dict(ask.parameters)
        parameters.pop("stop", None)
        if "max_tokens" in parameters:
            parameters["max_output_tokens"] = parameters.pop("max_tokens")
        body = {"model": model, "input": items, "stream": stream, "store": False, **parameters}
        if ask.system:
            body["instructions"] = ask.system
        if ask.tools:
            body["tools"] = [{"type": "function", "strict": False, **tool} for tool in ask.tools]
        if ask.choice:
            body["tool_choice"] = (ask.choice if ask.choice in ("none", "required") else
                                   {"type": "function", "name": ask.choice})
        if not ask.parallel:
            body["parallel_tool_calls"] = False
        if ask.schema:
            body["text"] = {"format": {"type": "json_schema", "name": "weather", "schema": ask.schema}}
        if ask.reasoning:
            body["reasoning"] = {"effort": "low", "summary": "auto"}
            body["include"] = ["reasoning.encrypted_content"]
        return body

    def _said(self, whole):
        assert whole["object"] == "response" and whole["id"], whole
        said = Said(raw=whole["output"])
        for item in whole["output"]:
            if item["type"] == "message":
                for part in item["content"]:
                    if part["type"] == "output_text":
                        said.text += part["text"]
                    else:
                        said.refusal += part["refusal"]
            elif item["type"] == "function_call":
                assert item["call_id"] and item["id"], item
                said.calls.append((item["name"], json.loads(item["arguments"])))
            elif item["type"] == "reasoning":
                said.reasoning += "".join(part["text"] for part in [*item["summary"], *item.get("content", [])])
        said.finish = ("tool_calls" if said.calls else "stop") if whole["status"] == "completed" else (
            {"max_output_tokens": "length", "content_filter": "content_filter"}[whole["incomplete_details"]["reason"]])
        if usage := whole["usage"]:
            assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
            said.input, said.output = usage["input_tokens"], usage["output_tokens"]
        return said

    def read(self, answer):
        self.check_error(answer.status, answer.json)
        return self._said(answer.json)

    def read_stream(self, answer):
        if answer.status != 200:
            self.check_error(answer.status, answer.json)
        text, arguments, last, number = "", {}, None, -1
        for name, data in frames(answer.body.decode()):
            event = json.loads(data)
            assert name == event["type"], (name, event["type"])
            assert event["sequence_number"] > number, event
            number = event["sequence_number"]
            assert last not in ("response.completed", "response.incomplete", "response.failed"), "an event behind the end"
            last = name
            if name == "response.output_text.delta":
                text += event["delta"]
            elif name == "response.function_call_arguments.delta":
                arguments[event["output_index"]] = arguments.get(event["output_index"], "") + event["delta"]
            elif name == "error":
                raise Failed(200, event["message"], event.get("code") or "")
            elif name == "response.failed":
                raise Failed(200, event["response"]["error"]["message"], event["response"]["error"]["code"])
            elif name in ("response.completed", "response.incomplete"):
                whole = event["response"]
        assert last in ("response.completed", "response.incomplete"), f"ended with {last}"
        said = self._said(whole)
        assert text == said.text, (text, said.text)
        assert [json.loads(arguments[index]) for index in sorted(arguments)] == [call[1] for call in said.calls]
        return said

    check_error = OpenAI.check_error


class Anthropic:
    def write(self, ask, model, stream, history=None):
        messages = [{"role": role, "content": text} for role, text in ask.turns]
        if ask.picture:
            source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
            messages[-1]["content"] = [{"type": "text", "text": ask.turns[-1][1]}, {"type": "image", "source": source}]
        if history is not None:
            messages.append({"role": "assistant", "content": history.raw})
            results = [{"type": "tool_result", "tool_use_id": block["id"], "content": RESULTS[block["name"]]}
                       for block in history.raw if block["type"] == "tool_use"]
            messages.append({"role": "user", "content": results or "And why is that?"})
        parameters = dict(ask.parameters)
        if "stop" in parameters:
            parameters["stop_sequences"] = parameters.pop("stop")
        body = {"model": model, "messages": messages, "stream": stream, "max_tokens": 4096, **parameters}
        if ask.system:
            body["system"] = ask.system
        if ask.tools:
            body["tools"] = [{"name": tool["name"], "description": tool["description"],
                              "input_schema": tool["parameters"]} for tool in ask.tools]
        if ask.choice:
            body["tool_choice"] = ({"type": {"none": "none", "required": "any"}[ask.choice]}
                                   if ask.choice in ("none", "required") else {"type": "tool", "name": ask.choice})
        if not ask.parallel:
            body["tool_choice"] = {**body.get("tool_choice", {"type": "auto"}), "disable_parallel_tool_use": True}
        if ask.schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
        if ask.reasoning:
            body["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        return body

    def _said(self, whole):
        assert whole["type"] == "message" and whole["role"] == "assistant" and whole["id"], whole
        said = Said(raw=whole["content"], finish=FINISH[whole["stop_reason"]])
        for block in whole["content"]:
            if block["type"] == "text":
                said.text += block["text"]
            elif block["type"] == "tool_use":
                assert block["id"], block
                said.calls.append((block["name"], block["input"]))
            elif block["type"] == "thinking":
                said.reasoning += block["thinking"]
        usage = whole["usage"]
        said.input = usage["input_tokens"] + (usage.get("cache_creation_input_tokens") or 0) + (
            usage.get("cache_read_input_tokens") or 0)
        said.output = usage["output_tokens"]
        return said

    def read(self, answer):
        self.check_error(answer.status, answer.json)
        return self._said(answer.json)

    def read_stream(self, answer):
        if answer.status != 200:
            self.check_error(answer.status, answer.json)
        whole, open_block, ended = None, None, False
        for name, data in frames(answer.body.decode()):
            event = json.loads(data)
            assert name == event["type"] and not ended, (name, data)
            if name == "message_start":
                assert whole is None
                whole = event["message"]
            elif name == "content_block_start":
                assert open_block is None and event["index"] == len(whole["content"]), event
                open_block = {**event["content_block"], "partial": ""}
                whole["content"].append(open_block)
            elif name == "content_block_delta":
                assert open_block is not None and event["index"] == len(whole["content"]) - 1, event
                self._add(open_block, event["delta"])
            elif name == "content_block_stop":
                assert open_block is not None and event["index"] == len(whole["content"]) - 1, event
                partial = open_block.pop("partial")
                if open_block["type"] == "tool_use":
                    open_block["input"] = json.loads(partial or "{}")
                open_block = None
            elif name == "message_delta":
                assert open_block is None
                whole.update(event["delta"])
                whole["usage"].update({key: value for key, value in event["usage"].items() if value is not None})
            elif name == "message_stop":
                ended = True
            elif name == "error":
                self.check_error(200, event)
            else:
                assert name == "ping", name
        assert ended, "no message_stop"
        return self._said(whole)

    @staticmethod
    def _add(block, delta):
        field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature",
                 "input_json_delta": "partial_json", "citations_delta": "citation"}[delta["type"]]
        if field == "partial_json":
            block["partial"] += delta[field]
        elif field == "citation":
            block.setdefault("citations", []).append(delta[field])
        else:
            block[field] = (block.get(field) or "") + delta[field]

    def check_error(self, status, body):
        if isinstance(body, dict) and body.get("type") == "error":
            assert isinstance(body["error"]["type"], str) and body["error"]["message"], body
            raise Failed(status, body["error"]["message"], body["error"]["type"])
        assert status == 200, (status, body)


class Ollama:
    def write(self, ask, model, stream, history=None):
        messages = [{"role": "system", "content": ask.system}] if ask.system else []
        messages += [{"role": role, "content": text} for role, text in ask.turns]
        if ask.picture:
            messages[-1]["images"] = [PICTURE]
        if history is not None:
            messages.append(history.raw)
            results = [{"role": "tool", "tool_name": call["function"]["name"], "content": RESULTS[call["function"]["name"]]}
                       for call in history.raw.get("tool_calls") or []]
            messages += results or [{"role": "user", "content": "And why is that?"}]
        return {"model": model, "messages": messages, "stream": stream, **self._options(ask)}

    @staticmethod
    def _options(ask):
        options = dict(ask.parameters)
        if "max_tokens" in options:
            options["num_predict"] = options.pop("max_tokens")
        body = {"options": options} if options else {}
        if ask.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in ask.tools]
        if ask.schema:
            body["format"] = ask.schema
        if ask.reasoning:
            body["think"] = True
        return body

    def _said(self, lines):
        said = Said(raw={"role": "assistant", "content": ""})
        for line in lines:
            message = self._message(line)
            said.text += message.get("content") or ""
            said.reasoning += message.get("thinking") or ""
            for call in message.get("tool_calls") or []:
                said.calls.append((call["function"]["name"], call["function"]["arguments"]))
                said.raw.setdefault("tool_calls", []).append(call)
        last = lines[-1]
        assert last["done"] is True and not any(line["done"] for line in lines[:-1]), "done in the wrong place"
        said.raw["content"] = said.text
        if said.reasoning:
            said.raw["thinking"] = said.reasoning
        said.finish = "tool_calls" if said.calls and last["done_reason"] == "stop" else FINISH[last["done_reason"]]
        said.input, said.output = last.get("prompt_eval_count"), last.get("eval_count")
        return said

    @staticmethod
    def _message(line):
        return line["message"]

    def read(self, answer):
        self.check_error(answer.status, answer.json)
        return self._said([answer.json])

    def read_stream(self, answer):
        if answer.status != 200:
            self.check_error(answer.status, answer.json)
        lines = [json.loads(line) for line in answer.body.decode().splitlines() if line.strip()]
        for line in lines:
            self.check_error(200, line)
        assert lines, "no line"
        return self._said(lines)

    def check_error(self, status, body):
        if isinstance(body, dict) and isinstance(body.get("error"), str):
            raise Failed(status, body["error"])
        assert status == 200, (status, body)


class OllamaGenerate(Ollama):
    def write(self, ask, model, stream, history=None):
        body = {"model": model, "prompt": ask.turns[-1][1], "stream": stream, **self._options(ask)}
        if ask.system:
            body["system"] = ask.system
        if ask.picture:
            body["images"] = [PICTURE]
        return body

    @staticmethod
    def _message(line):
        return {"content": line.get("response"), "thinking": line.get("thinking")}


FRONTS = {"openai": OpenAI(), "responses": Responses(), "anthropic": Anthropic(), "ollama": Ollama(),
          "ollama-generate": OllamaGenerate()}
