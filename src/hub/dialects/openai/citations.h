// Citations as OpenAI's chat writes them: annotations [{type: url_citation, url_citation{...}}]; and as
// Perplexity does, a list of addresses beside the answer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json_writer.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::openai {

void write_annotation(base::JsonWriter& out, const tasks::Citation& citation);
void read_annotations(std::uint32_t choice, JsonObject delta, std::vector<tasks::Event>& events);
// Of the whole answer, or of any chunk: each repeats them. False when there are none.
bool read_sources(JsonObject answer, std::vector<tasks::Event>& events);

}  // namespace sluice::hub::dialects::openai
