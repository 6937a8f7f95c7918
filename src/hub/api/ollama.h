// What Ollama's clients ask about the server itself: which models there are, what they are, which version
// this is. From memory; any loop.
#pragma once

#include "hub/api/routes.h"

namespace sluice::hub::api {

Reply reply_ollama_tags(const Question& question);
Reply reply_ollama_show(const Question& question);
Reply reply_ollama_ps(const Question& question);
Reply reply_ollama_version(const Question& question);

}  // namespace sluice::hub::api
