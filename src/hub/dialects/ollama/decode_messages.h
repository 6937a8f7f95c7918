// The turns of an Ollama conversation. Its calls often have no ids, and its results say at best which tool
// they come from: both get ids here, so that a result finds its call at providers that want them.
#pragma once

#include <vector>

#include "base/result.h"
#include "hub/dialects/json_view.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::ollama {

base::Status decode_messages(const JsonView& list, std::vector<tasks::Message>& messages);

// A list of images as bare base64, appended to `parts`; their type is read off their first bytes.
base::Status decode_images(const JsonView& list, std::vector<tasks::Part>& parts);

}  // namespace sluice::hub::dialects::ollama
