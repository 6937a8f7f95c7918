// A Jinja chat template in canonical form, for comparing: a list of elements in which spelling no longer
// matters. Nothing is executed.
//   statement   "{for message in messages}", one space between words, no white-space control
//   literal     '"' followed by the text it prints; neighbouring literals are one element
//   expression  "message.role"; message['role'] is the same, a printed sum is its terms one after the other
// Data between tags is a literal as well, after the trimming that chat templates are rendered with
// (trim_blocks, lstrip_blocks).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::vlm::tokenizer {

// Fails (corrupt_data) on an unclosed tag or string, or a character outside Jinja's expressions.
base::Result<std::vector<std::string>> canonical_template(std::string_view text);

}  // namespace sluice::vlm::tokenizer
