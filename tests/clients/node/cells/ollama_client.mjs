// The official Ollama client.
import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { functions, inJson, key, picture, question, refused, reportSchema, run, said, system, url, weather, wrongKey } from "./cells.mjs";

const open = (secret) => new Ollama({ host: url, headers: { Authorization: `Bearer ${secret}` } });
const client = open(key);
const messages = [{ role: "system", content: system }, { role: "user", content: question }];
const tools = functions.map(([name, description, parameters]) => ({ type: "function", function: { name, description, parameters } }));

await run({
  async chat(upstream) {
    const reply = await client.chat({ model: upstream.model("text"), messages, options: { temperature: 0.2, num_predict: 100 } });
    assert.equal(reply.message.content, said.text);
    assert.equal(reply.message.role, "assistant");
    assert.equal(reply.done, true);
    assert.equal(reply.done_reason, "stop");
    assert.ok(reply.prompt_eval_count > 0 && reply.eval_count > 0 && reply.total_duration > 0);
    const generated = await client.generate({ model: upstream.model("text"), prompt: question, system });
    assert.equal(generated.response, said.text);
  },
  async stream(upstream) {
    let text = "", last;
    for await (const part of await client.chat({ model: upstream.model("text"), messages, stream: true })) {
      text += part.message.content;
      last = part;
    }
    assert.equal(text, said.text);
    assert.ok(last.done && last.eval_count > 0);
    text = "";
    for await (const part of await client.generate({ model: upstream.model("text"), prompt: question, stream: true })) text += part.response;
    assert.equal(text, said.text);
  },
  async tools(upstream) {
    const ask = { model: upstream.model("tools"), messages: [{ role: "user", content: weather }], tools };
    const first = await client.chat(ask);
    const streamed = [];
    for await (const part of await client.chat({ ...ask, stream: true })) streamed.push(...part.message.tool_calls ?? []);
    for (const calls of [first.message.tool_calls, streamed]) {
      assert.deepEqual(calls.map((call) => [call.function.name, call.function.arguments]), [["get_weather", { city: "Paris" }]]);
    }
    const second = await client.chat({ ...ask, messages: [...ask.messages, first.message,
      { role: "tool", tool_name: "get_weather", content: "21 degrees" }] });
    assert.equal(second.message.content, said.tools);
  },
  async vision(upstream) {
    const reply = await client.chat({ model: upstream.model("vision"), messages: [{ role: "user", content: "What is this?", images: [picture] }] });
    assert.equal(reply.message.content, said.vision);
  },
  async structured(upstream) {
    const reply = await client.chat({ model: upstream.model("structured"), messages: [{ role: "user", content: inJson }], format: reportSchema });
    assert.deepEqual(JSON.parse(reply.message.content), { city: "Paris", degrees: 21 });
  },
  async embeddings(upstream) {
    const reply = await client.embed({ model: upstream.model("text"), input: ["a lighthouse", "a sluice"] });
    assert.deepEqual(reply.embeddings, [said.embedding, said.embedding]);
  },
  async errors(upstream) {
    for (const [scenario, status] of [["error-429", 429], ["error-400", 400], ["error-500", 502]]) {
      const problem = await refused(() => client.chat({ model: upstream.model(scenario), messages }));
      assert.equal(problem.status_code, status, String(problem));
      assert.ok(problem.error && problem.message);
      const streamed = await refused(() => client.chat({ model: upstream.model(scenario), messages, stream: true }));
      assert.equal(streamed.status_code, status, String(streamed));
    }
    const unknown = await refused(() => open(wrongKey).chat({ model: upstream.model("text"), messages }));
    assert.equal(unknown.status_code, 401);
  },
  async cancellation(upstream) {
    const answer = await client.chat({ model: upstream.model("endless"), stream: true, messages: [{ role: "user", content: upstream.mark }] });
    for await (const part of answer) if (part.message.content) break;
    answer.abort();
    assert.ok(await upstream.wasLeft());
  },
});
