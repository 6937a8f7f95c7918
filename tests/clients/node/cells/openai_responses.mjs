// The official OpenAI client for Node: responses, without stored state.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { functions, inJson, key, picture, pictureUrl, question, refused, reportSchema, run, said, system, url, weather, wrongKey } from "./cells.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 30_000 });
const create = (ask, options) => client.responses.create({ store: false, ...ask }, options);
const tools = functions.map(([name, description, parameters]) => ({ type: "function", name, description, parameters, strict: false }));
const calls = (reply) => reply.output.filter((item) => item.type === "function_call");

await run({
  async chat(upstream) {
    const reply = await create({ model: upstream.model("text"), instructions: system, input: question, max_output_tokens: 100 });
    assert.equal(reply.status, "completed");
    assert.equal(reply.output_text, said.text);
    assert.equal(reply.usage.total_tokens, reply.usage.input_tokens + reply.usage.output_tokens);
  },
  async stream(upstream) {
    const kinds = [];
    let text = "", number = 0;
    for await (const event of await create({ model: upstream.model("text"), input: question, stream: true })) {
      assert.equal(event.sequence_number, number++);
      kinds.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, said.text);
    assert.deepEqual([kinds.at(0), kinds.at(-1)], ["response.created", "response.completed"]);
    const helped = await client.responses.stream({ model: upstream.model("text"), input: question }).finalResponse();
    assert.equal(helped.output_text, said.text);
  },
  async tools(upstream) {
    const input = [{ role: "user", content: weather }], model = upstream.model("tools");
    const first = await create({ model, input, tools });
    const streamed = await client.responses.stream({ model, input, tools }).finalResponse();
    for (const reply of [first, streamed]) {
      assert.deepEqual(calls(reply).map((call) => [call.name, JSON.parse(call.arguments)]), [["get_weather", { city: "Paris" }]]);
    }
    const second = await create({ model, tools, input: [...input, ...first.output,
      { type: "function_call_output", call_id: calls(first)[0].call_id, output: "21 degrees" }] });
    assert.equal(second.output_text, said.tools);
  },
  async vision(upstream) {
    for (const [scenario, at] of [["vision", `data:image/png;base64,${picture}`], ["vision-url", pictureUrl]]) {
      const reply = await create({ model: upstream.model(scenario), input: [{ role: "user", content: [
        { type: "input_text", text: "What is this?" }, { type: "input_image", image_url: at, detail: "auto" }] }] });
      assert.equal(reply.output_text, said.vision);
    }
  },
  async structured(upstream) {
    const reply = await client.responses.parse({ model: upstream.model("structured"), input: inJson,
      text: { format: { type: "json_schema", name: "report", schema: reportSchema, strict: true } } });
    assert.deepEqual(reply.output_parsed, { city: "Paris", degrees: 21 });
  },
  async errors(upstream) {
    for (const stream of [false, true]) {
      const ask = (scenario) => refused(() => create({ model: upstream.model(scenario), input: question, stream }));
      for (const [scenario, kind] of [["error-429", OpenAI.RateLimitError], ["error-400", OpenAI.BadRequestError], ["error-500", OpenAI.InternalServerError]]) {
        const problem = await ask(scenario);
        assert.ok(problem instanceof kind, `${scenario}: ${problem}`);
      }
    }
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: wrongKey, maxRetries: 0 });
    const unknown = await refused(() => stranger.responses.create({ model: upstream.model("text"), input: question }));
    assert.ok(unknown instanceof OpenAI.AuthenticationError, String(unknown));
  },
  async cancellation(upstream) {
    const answer = await create({ model: upstream.model("endless"), input: upstream.mark, stream: true });
    for await (const event of answer) if (event.type === "response.output_text.delta") break;
    answer.controller.abort();
    assert.ok(await upstream.wasLeft());
  },
});
