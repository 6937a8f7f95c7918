// sluice list: the models on this machine, as the device serves them.
#include <fmt/format.h>

#include <memory>

#include "app/cli/command.h"
#include "app/device/model_store.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace sluice::app::cli {
namespace {

std::string as_json(const std::vector<device::StoredModel>& models) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_array();
  for (const device::StoredModel& model : models) {
    json.begin_object().field("id", model.id).field("file", model.file.string());
    json.field("bytes", model.file_bytes).field("place", model.place).end_object();
  }
  json.end_array();
  return out;
}

}  // namespace

std::function<int()> declare_list(Arguments& arguments) {
  auto json = std::make_shared<bool>(false);
  arguments.flag("--json", *json, "print one JSON array");
  return [json] {
    const device::ModelStore store(device::model_places_from_environment());
    const auto models = store.list();
    if (*json) {
      fmt::print("{}\n", as_json(models));
      return static_cast<int>(kDone);
    }
    if (models.empty())
      fmt::print(stderr, "sluice: no models in {} nor in {}\n", store.places().models_folder.string(),
                 store.places().hugging_face_cache.string());
    for (const device::StoredModel& model : models)
      fmt::print("{:<52} {:>10}  {}\n", model.id, base::format_bytes(model.file_bytes), model.place);
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
