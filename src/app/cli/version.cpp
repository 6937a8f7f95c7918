#include <fmt/format.h>

#include <memory>

#include "app/cli/command.h"
#include "base/json_writer.h"

namespace sluice::app::cli {

std::function<int()> declare_version(Arguments& arguments) {
  auto json = std::make_shared<bool>(false);
  arguments.flag("--json", *json, "print one JSON object");
  return [json] {
    if (*json) {
      std::string out;
      base::JsonWriter(out).begin_object().field("version", SLUICE_VERSION).end_object();
      fmt::print("{}\n", out);
    } else {
      fmt::print("sluice {}\n", SLUICE_VERSION);
    }
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
