// Citations as annotations of a text: {"type":"url_citation",...} and {"type":"file_citation",...}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::responses {

std::uint64_t code_points(std::string_view text);

// Annotations count from the beginning of their own text, which stands `begin` code points into the whole
// text of the answer.
std::string annotation_json(const tasks::Citation& citation, std::uint64_t begin);
tasks::Citation read_annotation(JsonObject annotation, std::uint64_t begin);

}  // namespace sluice::hub::dialects::responses
