// The AI SDK's cells; a provider of it is one of the two programs that use them.
import assert from "node:assert/strict";
import { APICallError, embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";
import { functions, inJson, picture, pictureUrl, question, refused, reportSchema, said, system, weather, wrongKey } from "./cells.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const tools = Object.fromEntries(functions.map(([name, description, schema]) =>
  [name, tool({ description, inputSchema: jsonSchema(schema), execute: async () => (name === "get_weather" ? "21 degrees" : "noon") })]));
const settings = { maxRetries: 0 };

// `open(key)` makes the provider; it has chat(id) and embed(id).
export function cellsOf(open) {
  const provider = open();
  const ask = (upstream, scenario, more) => ({ ...settings, model: provider.chat(upstream.model(scenario)), prompt: question, ...more });
  return {
    async chat(upstream) {
      const reply = await generateText(ask(upstream, "text", { instructions: system, temperature: 0.2, maxOutputTokens: 100 }));
      assert.equal(reply.text, said.text);
      assert.equal(reply.finishReason, "stop");
      assert.ok(reply.usage.inputTokens > 0 && reply.usage.outputTokens > 0);
    },
    async stream(upstream) {
      const reply = streamText(ask(upstream, "text"));
      let text = "";
      for await (const piece of reply.textStream) text += piece;
      assert.equal(text, said.text);
      assert.equal(await reply.finishReason, "stop");
      assert.ok((await reply.usage).outputTokens > 0);
    },
    async tools(upstream) {
      const more = { prompt: weather, tools, stopWhen: isStepCount(3) };
      const whole = await generateText(ask(upstream, "tools", more));
      const streamed = streamText(ask(upstream, "tools", more));
      await streamed.consumeStream();
      for (const steps of [whole.steps, await streamed.steps]) {
        assert.equal(steps.length, 2);
        assert.equal(steps[0].finishReason, "tool-calls");
        assert.deepEqual(steps[0].toolCalls.map((call) => [call.toolName, call.input]), [["get_weather", { city: "Paris" }]]);
        assert.equal(steps[1].text, said.tools);
      }
    },
    async vision(upstream) {
      for (const [scenario, data] of [["vision", picture], ["vision-url", new URL(pictureUrl)]]) {
        const reply = await generateText({ ...ask(upstream, scenario), prompt: undefined, messages: [{ role: "user", content: [
          { type: "text", text: "What is this?" }, { type: "file", mediaType: "image/png", data }] }] });
        assert.equal(reply.text, said.vision);
      }
    },
    async structured(upstream) {
      const reply = await generateText(ask(upstream, "structured", { prompt: inJson, output: Output.object({ schema: jsonSchema(reportSchema) }) }));
      assert.deepEqual(reply.output, { city: "Paris", degrees: 21 });
    },
    async embeddings(upstream) {
      const reply = await embedMany({ ...settings, model: provider.embed(upstream.model("text")), values: ["a lighthouse", "a sluice"] });
      assert.deepEqual(reply.embeddings, [said.embedding, said.embedding]);
    },
    async errors(upstream) {
      for (const [scenario, status] of [["error-429", 429], ["error-400", 400], ["error-500", 502]]) {
        const problem = await refused(() => generateText(ask(upstream, scenario)));
        assert.ok(APICallError.isInstance(problem), String(problem));
        assert.equal(problem.statusCode, status);
        assert.equal(problem.isRetryable, status !== 400);
        let streamed;
        await streamText({ ...ask(upstream, scenario), onError: ({ error }) => { streamed = error; } }).consumeStream();
        assert.equal(streamed?.statusCode, status);
      }
      const unknown = await refused(() => generateText({ ...ask(upstream, "text"), model: open(wrongKey).chat(upstream.model("text")) }));
      assert.equal(unknown.statusCode, 401);
      assert.match(unknown.message, /key/i);
    },
    async cancellation(upstream) {
      const stop = new AbortController();
      const reply = streamText({ ...ask(upstream, "endless", { prompt: upstream.mark }), abortSignal: stop.signal, onError() {} });
      for await (const piece of reply.textStream) if (piece) break;
      stop.abort();
      assert.ok(await upstream.wasLeft());
    },
  };
}
