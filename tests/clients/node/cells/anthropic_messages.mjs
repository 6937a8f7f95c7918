// The official Anthropic client for Node: messages.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { functions, inJson, key, picture, pictureUrl, question, refused, reportSchema, run, said, system, url, weather, wrongKey } from "./cells.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 30_000 });
const create = (ask, options) => client.messages.create({ max_tokens: 100, ...ask }, options);
const messages = [{ role: "user", content: question }];
const tools = functions.map(([name, description, input_schema]) => ({ name, description, input_schema }));
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");
const calls = (message) => message.content.filter((block) => block.type === "tool_use");

await run({
  async chat(upstream) {
    const reply = await create({ model: upstream.model("text"), system, messages, temperature: 0.2 });
    assert.equal(textOf(reply), said.text);
    assert.equal(reply.stop_reason, "end_turn");
    assert.ok(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
    const counted = await client.messages.countTokens({ model: upstream.model("text"), system, messages });
    assert.ok(counted.input_tokens > 0);
  },
  async stream(upstream) {
    const final = await client.messages.stream({ model: upstream.model("text"), messages, max_tokens: 100 }).finalMessage();
    assert.equal(textOf(final), said.text);
    assert.equal(final.stop_reason, "end_turn");
    assert.ok(final.usage.output_tokens > 0);
    let text = "";
    for await (const event of await create({ model: upstream.model("text"), messages, stream: true })) {
      if (event.type === "content_block_delta") text += event.delta.text;
    }
    assert.equal(text, said.text);
  },
  async tools(upstream) {
    const ask = { model: upstream.model("tools"), max_tokens: 100, messages: [{ role: "user", content: weather }], tools };
    const first = await create(ask);
    const streamed = await client.messages.stream(ask).finalMessage();
    for (const reply of [first, streamed]) {
      assert.equal(reply.stop_reason, "tool_use");
      assert.deepEqual(calls(reply).map((call) => [call.name, call.input]), [["get_weather", { city: "Paris" }]]);
    }
    const second = await create({ ...ask, messages: [...ask.messages, { role: "assistant", content: first.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: calls(first)[0].id, content: "21 degrees" }] }] });
    assert.equal(textOf(second), said.tools);
  },
  async vision(upstream) {
    for (const [scenario, source] of [["vision", { type: "base64", media_type: "image/png", data: picture }],
                                      ["vision-url", { type: "url", url: pictureUrl }]]) {
      const reply = await create({ model: upstream.model(scenario), messages: [{ role: "user", content: [
        { type: "text", text: "What is this?" }, { type: "image", source }] }] });
      assert.equal(textOf(reply), said.vision);
    }
  },
  async structured(upstream) {
    const reply = await client.messages.parse({ model: upstream.model("structured"), max_tokens: 100,
      messages: [{ role: "user", content: inJson }], output_config: { format: jsonSchemaOutputFormat(reportSchema) } });
    assert.deepEqual(reply.parsed_output, { city: "Paris", degrees: 21 });
  },
  async errors(upstream) {
    for (const stream of [false, true]) {
      const ask = (scenario) => refused(() => create({ model: upstream.model(scenario), messages, stream }));
      const limited = await ask("error-429");
      assert.ok(limited instanceof Anthropic.RateLimitError, String(limited));
      assert.equal(limited.error.error.type, "rate_limit_error");
      const bad = await ask("error-400");
      assert.ok(bad instanceof Anthropic.BadRequestError, String(bad));
      const broken = await ask("error-500");
      assert.ok(broken instanceof Anthropic.InternalServerError, String(broken));
    }
    const stranger = new Anthropic({ baseURL: url, apiKey: wrongKey, maxRetries: 0 });
    const unknown = await refused(() => stranger.messages.create({ model: upstream.model("text"), messages, max_tokens: 9 }));
    assert.ok(unknown instanceof Anthropic.AuthenticationError, String(unknown));
  },
  async cancellation(upstream) {
    const answer = await create({ model: upstream.model("endless"), stream: true, messages: [{ role: "user", content: upstream.mark }] });
    for await (const event of answer) if (event.type === "content_block_delta") break;
    answer.controller.abort();
    assert.ok(await upstream.wasLeft());
  },
});
