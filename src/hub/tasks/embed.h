// Texts to vectors. Its answers are the events of event.h: Started, one Embedded for each input in order,
// UsageReport, Failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/tasks/completion.h"
#include "hub/tasks/generation.h"

namespace sluice::hub::tasks {

struct EmbedRequest {
  std::string model;
  std::vector<Prompt> inputs;  // at least one
  std::optional<std::uint32_t> dimensions;
  // What the vectors are for: "query", "document", "classification", "clustering" or empty. Some providers
  // demand one.
  std::string purpose;
  std::optional<bool> truncate;  // cut inputs that are too long, or refuse them
  std::string user;
  std::vector<Extra> others;  // in the words of `dialect`, as in ChatRequest
  std::string dialect = "openai";
};

}  // namespace sluice::hub::tasks
