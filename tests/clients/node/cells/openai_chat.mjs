// The official OpenAI client for Node: chat completions.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { functions, inJson, key, picture, pictureUrl, question, refused, reportSchema, run, said, system, url, weather, wrongKey } from "./cells.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 30_000 });
const create = (ask, options) => client.chat.completions.create(ask, options);
const messages = [{ role: "system", content: system }, { role: "user", content: question }];
const tools = functions.map(([name, description, parameters]) => ({ type: "function", function: { name, description, parameters } }));

await run({
  async chat(upstream) {
    const { data, response } = await create({ model: upstream.model("text"), messages, temperature: 0.2, max_tokens: 100 }).withResponse();
    assert.equal(data.choices[0].message.content, said.text);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.ok(data.usage.completion_tokens > 0);
    assert.ok(upstream.model("text").endsWith(`:${response.headers.get("x-inference-provider")}`));
  },
  async stream(upstream) {
    const ask = { model: upstream.model("text"), messages, stream: true };
    let text = "", last;
    for await (const chunk of await create({ ...ask, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? "";
      last = chunk;
    }
    assert.equal(text, said.text);
    assert.equal(last.choices.length, 0);
    assert.ok(last.usage.completion_tokens > 0);
    const helped = await client.chat.completions.stream(ask).finalChatCompletion();
    assert.equal(helped.choices[0].message.content, said.text);
  },
  async tools(upstream) {
    const ask = { model: upstream.model("tools"), messages: [{ role: "user", content: weather }], tools };
    const first = await create(ask);
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
    for (const reply of [first, streamed]) {
      assert.equal(reply.choices[0].finish_reason, "tool_calls");
      const [call, ...others] = reply.choices[0].message.tool_calls;
      assert.equal(others.length, 0);
      assert.equal(call.function.name, "get_weather");
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
    }
    const { message } = first.choices[0];
    const second = await create({ ...ask, messages: [...ask.messages, message,
      { role: "tool", tool_call_id: message.tool_calls[0].id, content: "21 degrees" }] });
    assert.equal(second.choices[0].message.content, said.tools);
  },
  async vision(upstream) {
    for (const [scenario, at] of [["vision", `data:image/png;base64,${picture}`], ["vision-url", pictureUrl]]) {
      const reply = await create({ model: upstream.model(scenario), messages: [{ role: "user", content: [
        { type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: at } }] }] });
      assert.equal(reply.choices[0].message.content, said.vision);
    }
  },
  async structured(upstream) {
    const reply = await client.chat.completions.parse({ model: upstream.model("structured"), messages: [{ role: "user", content: inJson }],
      response_format: { type: "json_schema", json_schema: { name: "report", schema: reportSchema, strict: true } } });
    assert.deepEqual(reply.choices[0].message.parsed, { city: "Paris", degrees: 21 });
  },
  async embeddings(upstream) {
    const ask = { model: upstream.model("text"), input: ["a lighthouse", "a sluice"] };
    const packed = await client.embeddings.create(ask);  // this client asks for base64
    const plain = await client.embeddings.create({ ...ask, encoding_format: "float" });
    assert.deepEqual(packed.data.map((row) => Array.from(row.embedding)), [said.embedding, said.embedding]);
    assert.deepEqual(plain.data.map((row) => row.embedding), [said.embedding, said.embedding]);
  },
  async errors(upstream) {
    for (const stream of [false, true]) {
      const ask = (scenario) => refused(() => create({ model: upstream.model(scenario), messages, stream }));
      const limited = await ask("error-429");
      assert.ok(limited instanceof OpenAI.RateLimitError, String(limited));
      assert.ok(limited.headers.get("retry-after"));
      const bad = await ask("error-400");
      assert.ok(bad instanceof OpenAI.BadRequestError, String(bad));
      const broken = await ask("error-500");
      assert.ok(broken instanceof OpenAI.InternalServerError, String(broken));
    }
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: wrongKey, maxRetries: 0 });
    const unknown = await refused(() => stranger.chat.completions.create({ model: upstream.model("text"), messages }));
    assert.ok(unknown instanceof OpenAI.AuthenticationError, String(unknown));
  },
  async cancellation(upstream) {
    const answer = await create({ model: upstream.model("endless"), stream: true, messages: [{ role: "user", content: upstream.mark }] });
    for await (const chunk of answer) if (chunk.choices[0]?.delta?.content) break;
    answer.controller.abort();
    assert.ok(await upstream.wasLeft());
  },
});
