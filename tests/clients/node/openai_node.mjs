// The official OpenAI client for Node against the running binary. Started by test_openai_node.py, which says in the
// environment where the hub is and how to script the provider.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const { SLUICE_URL: url, SLUICE_KEY: key, RECITED: recited, ANSWER: answer, TOLD_BY } = process.env;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 60_000 });
const messages = [{ role: "user", content: "Please." }];

// The provider is another process' business: ask it over its control socket, wait for its word.
async function provider(script) {
  const reply = await fetch(`${TOLD_BY}/${script}`, { method: "POST" });
  assert.equal(reply.status, 200);
  return reply.json();
}

async function textOf(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

for (const [who, model, text] of [["device", "reciter:device", recited], ["openai", "gpt-4o:openai", answer]]) {
  test(`${who}: whole`, async () => {
    const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
    assert.equal(data.choices[0].message.content, text);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.equal(response.headers.get("x-inference-provider"), who);
    assert.ok(data._request_id);
  });

  test(`${who}: streamed, with usage`, async () => {
    const stream = await client.chat.completions.create(
      { model, messages, stream: true, stream_options: { include_usage: true } });
    let said = "", last;
    for await (const chunk of stream) {
      said += chunk.choices[0]?.delta?.content ?? "";
      last = chunk;
    }
    assert.equal(said, text);
    assert.equal(last.choices.length, 0);
    assert.ok(last.usage.total_tokens > 0);
  });

  test(`${who}: the streaming helper`, async () => {
    const stream = client.chat.completions.stream({ model, messages });
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, text);
  });
}

test("completions, streamed and not", async () => {
  const ask = { model: "reciter:device", prompt: "Go:\n", max_tokens: 50 };
  assert.equal((await client.completions.create(ask)).choices[0].text, recited);
  let text = "";
  for await (const part of await client.completions.create({ ...ask, stream: true })) text += part.choices[0].text;
  assert.equal(text, recited);
});

test("logprobs", async () => {
  const reply = await client.chat.completions.create({ model: "reciter:device", messages, logprobs: true, top_logprobs: 2 });
  const tokens = reply.choices[0].logprobs.content;
  assert.ok(Buffer.from(tokens.flatMap((token) => token.bytes)).toString().startsWith(recited));
  assert.ok(tokens.every((token) => token.top_logprobs.length === 2));
});

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("reciter"), ids.join());
});

test("errors become the client's own", async () => {
  const chat = (more) => client.chat.completions.create({ model: "reciter:device", messages, ...more });
  await assert.rejects(chat({ model: "recitor" }), (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
  await assert.rejects(chat({ temperature: -1 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature");
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-sluice-wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key");
  await provider("rubbish");
  await assert.rejects(chat({ model: "gpt-4o:openai" }), (e) => e.status === 502 && /openai/i.test(e.message));
});

test("a cut stream throws", async () => {
  await provider("cut");
  const stream = await client.chat.completions.create({ model: "gpt-4o:openai", messages, stream: true });
  await assert.rejects(textOf(stream));
});

test("abort frees whoever answers", async () => {
  const endless = await client.chat.completions.create({ model: "endless:device", messages, stream: true });
  for await (const _ of endless) break;
  endless.controller.abort();
  await provider("stall");
  const stalled = await client.chat.completions.create({ model: "gpt-4o:openai", messages, stream: true });
  for await (const _ of stalled) break;
  stalled.controller.abort();
  assert.equal((await provider("left")).left, true);
  const waiting = new AbortController();
  const whole = client.chat.completions.create({ model: "endless:device", messages }, { signal: waiting.signal });
  waiting.abort();
  await assert.rejects(whole, OpenAI.APIUserAbortError);
  await provider("complete");
  const reply = await client.chat.completions.create({ model: "reciter:device", messages });
  assert.equal(reply.choices[0].message.content, recited);
});

test("the client's retries work", async () => {
  await provider("twice-unavailable");
  const patient = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 2 });
  const reply = await patient.chat.completions.create({ model: "gpt-4o:openai", messages });
  assert.equal(reply.choices[0].message.content, answer);
  assert.equal((await provider("count")).requests, 3);
});

test("many streams at once", async () => {
  await provider("complete");
  const models = Array.from({ length: 24 }, (_, i) => (i % 2 ? "reciter:device" : "gpt-4o:openai"));
  const texts = await Promise.all(models.map(async (model) =>
    textOf(await client.chat.completions.create({ model, messages, stream: true }))));
  assert.deepEqual(texts, models.map((model) => (model === "reciter:device" ? recited : answer)));
});
