// The AI SDK with its provider for OpenAI-compatible endpoints.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { cellsOf } from "./ai_cells.mjs";
import { key, run, url } from "./cells.mjs";

await run(cellsOf((apiKey = key) => {
  const provider = createOpenAICompatible({ name: "sluice", baseURL: `${url}/v1`, apiKey, includeUsage: true,
    supportsStructuredOutputs: true, supportedUrls: () => ({ "image/*": [/^https:/] }) });  // else it fetches pictures itself
  return { chat: (id) => provider.chatModel(id), embed: (id) => provider.embeddingModel(id) };
}));
