// The AI SDK with OpenRouter's own provider, which speaks to the addresses below /api/v1.
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { cellsOf } from "./ai_cells.mjs";
import { key, run, url } from "./cells.mjs";

await run(cellsOf((apiKey = key) => {
  const provider = createOpenRouter({ baseURL: `${url}/api/v1`, apiKey });
  return { chat: (id) => provider.chat(id), embed: (id) => provider.textEmbeddingModel(id) };
}));
