// InferenceClient of @huggingface/inference.
import assert from "node:assert/strict";
import { InferenceClient } from "@huggingface/inference";
import { functions, inJson, key, picture, pictureUrl, question, refused, reportSchema, run, said, system, url, weather, wrongKey } from "./cells.mjs";

const client = new InferenceClient(key, { endpointUrl: `${url}/v1`, retry_on_error: false });
const messages = [{ role: "system", content: system }, { role: "user", content: question }];
const tools = functions.map(([name, description, parameters]) => ({ type: "function", function: { name, description, parameters } }));

await run({
  async chat(upstream) {
    const reply = await client.chatCompletion({ model: upstream.model("text"), messages, temperature: 0.2, max_tokens: 100 });
    assert.equal(reply.choices[0].message.content, said.text);
    assert.equal(reply.choices[0].finish_reason, "stop");
    assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
  },
  async stream(upstream) {
    let text = "", usage;
    for await (const chunk of client.chatCompletionStream({ model: upstream.model("text"), messages, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, said.text);
    assert.ok(usage.completion_tokens > 0);
  },
  async tools(upstream) {
    const ask = { model: upstream.model("tools"), messages: [{ role: "user", content: weather }], tools, tool_choice: "auto" };
    const first = await client.chatCompletion(ask);
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    const [call] = first.choices[0].message.tool_calls;
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["get_weather", { city: "Paris" }]);
    let streamed = "";
    for await (const chunk of client.chatCompletionStream(ask)) {
      for (const piece of chunk.choices[0]?.delta?.tool_calls ?? []) streamed += piece.function.arguments ?? "";
    }
    assert.deepEqual(JSON.parse(streamed), { city: "Paris" });
    const second = await client.chatCompletion({ ...ask, messages: [...ask.messages, first.choices[0].message,
      { role: "tool", tool_call_id: call.id, content: "21 degrees" }] });
    assert.equal(second.choices[0].message.content, said.tools);
  },
  async vision(upstream) {
    for (const [scenario, at] of [["vision", `data:image/png;base64,${picture}`], ["vision-url", pictureUrl]]) {
      const reply = await client.chatCompletion({ model: upstream.model(scenario), messages: [{ role: "user", content: [
        { type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: at } }] }] });
      assert.equal(reply.choices[0].message.content, said.vision);
    }
  },
  async structured(upstream) {
    const reply = await client.chatCompletion({ model: upstream.model("structured"), messages: [{ role: "user", content: inJson }],
      response_format: { type: "json_schema", json_schema: { name: "report", schema: reportSchema, strict: true } } });
    assert.deepEqual(JSON.parse(reply.choices[0].message.content), { city: "Paris", degrees: 21 });
  },
  async errors(upstream) {
    const stream = async (ask) => { for await (const _ of client.chatCompletionStream(ask)); };
    for (const send of [(ask) => client.chatCompletion(ask), stream]) {
      for (const [scenario, status] of [["error-429", 429], ["error-400", 400], ["error-500", 502]]) {
        const problem = await refused(() => send({ model: upstream.model(scenario), messages }));
        assert.equal(problem.httpResponse?.status, status, String(problem));
      }
    }
    const stranger = new InferenceClient(wrongKey, { endpointUrl: `${url}/v1` });
    const unknown = await refused(() => stranger.chatCompletion({ model: upstream.model("text"), messages }));
    assert.equal(unknown.httpResponse?.status, 401);
  },
  async cancellation(upstream) {
    const stop = new AbortController();
    const answer = client.chatCompletionStream({ model: upstream.model("endless"), messages: [{ role: "user", content: upstream.mark }] }, { signal: stop.signal });
    for await (const chunk of answer) if (chunk.choices[0]?.delta?.content) break;
    stop.abort();
    assert.ok(await upstream.wasLeft());
  },
});
