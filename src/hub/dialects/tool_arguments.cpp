#include "hub/dialects/tool_arguments.h"

#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/dialects/json_scanner.h"

namespace sluice::hub::dialects {
namespace {

bool is_json_object(std::string_view text) {
  JsonScanner scanner(text);
  if (scanner.peek() != JsonType::object) return false;
  scanner.take_value();
  return scanner.finish();
}

}  // namespace

std::string arguments_object(std::string_view arguments) {
  arguments = base::trim(arguments);
  if (arguments.empty()) return "{}";
  if (is_json_object(arguments)) return std::string(arguments);
  std::string out;
  base::JsonWriter(out).begin_object().field("invalid_json", arguments).end_object();
  return out;
}

std::string wrapped_in_object(std::string_view text, std::string_view key) {
  if (const std::string_view object = base::trim(text); is_json_object(object)) return std::string(object);
  std::string out;
  base::JsonWriter(out).begin_object().field(key, text).end_object();
  return out;
}

}  // namespace sluice::hub::dialects
