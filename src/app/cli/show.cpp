// sluice show MODEL: what a model is and what it will take, read from the head of its file; no weights are
// loaded.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "app/cli/pictures.h"
#include "app/device/model_store.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "vlm/generation/language_model.h"
#include "vlm/generation/memory_forecast.h"

namespace sluice::app::cli {
namespace {

struct Facts {
  device::StoredModel stored;
  vlm::generation::ModelFacts model;
};

base::Result<Facts> gather(const std::string& name) {
  const device::ModelStore store(device::model_places_from_environment());
  SLUICE_TRY(device::StoredModel stored, store.find(name));
  SLUICE_TRY(vlm::generation::ModelFacts model, vlm::generation::describe_language_model(stored.file));
  return Facts{.stored = std::move(stored), .model = std::move(model)};
}

std::string chat_words(const Facts& facts) {
  return facts.model.chat_family ? *facts.model.chat_family : facts.model.chat_family.error().message;
}

void write_vision(const vlm::models::VisionDescription& vision, base::JsonWriter& json) {
  const vlm::models::VisionShape& shape = vision.shape;
  json.key("vision").begin_object().field("architecture", vision.architecture);
  json.field("number_format", vision.number_format).field("parameters", vision.parameters);
  json.field("image", shape.image).field("patch", shape.patch).field("layers", shape.layers);
  json.field("hidden", shape.hidden).field("heads", shape.heads).field("intermediate", shape.intermediate);
  json.field("tokens_per_frame", shape.rows()).field("longest_edge", vision.frames.tiles.longest_edge);
  json.field("splits", vision.frames.tiles.split).end_object();
}

std::string as_json(const Facts& facts) {
  const vlm::models::Description& model = facts.model.text;
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("id", facts.stored.id).field("file", facts.stored.file.string());
  json.field("bytes", facts.stored.file_bytes).field("place", facts.stored.place);
  json.field("architecture", model.architecture).field("number_format", model.number_format);
  json.field("parameters", model.parameters);
  json.key("shape").begin_object().field("layers", model.shape.layers).field("hidden", model.shape.hidden);
  json.field("heads", model.shape.heads)
      .field("kv_heads", model.shape.kv_heads)
      .field("head_dim", model.shape.head_dim);
  json.field("intermediate", model.shape.intermediate).field("vocabulary", model.shape.vocabulary);
  json.field("context", model.shape.context).end_object();
  json.key("tensors").begin_object();
  for (const auto& [format, count] : facts.model.tensors_of) json.field(format, count);
  json.end_object()
      .field("tokens", facts.model.tokens)
      .field("chats", facts.model.chat_family.has_value())
      .field("chat_template", chat_words(facts));
  if (facts.model.vision) write_vision(*facts.model.vision, json);
  const vlm::generation::MemoryForecast memory = vlm::generation::forecast_memory(facts.model);
  json.key("memory").begin_object().field("total_bytes", memory.total());
  json.field("weights_bytes", memory.weights).field("embedding_bytes", memory.embedding);
  json.field("workspace_bytes", memory.work);
  if (facts.model.vision)
    json.field("vision_weights_bytes", memory.vision_weights)
        .field("vision_workspace_bytes", memory.vision_work);
  json.field("kv_bytes_per_token", model.kv_bytes_per_token);
  json.field("kv_bytes_full_context", model.kv_bytes_per_token * model.shape.context)
      .end_object()
      .end_object();
  return out;
}

void print_text(const Facts& facts) {
  const vlm::models::Description& model = facts.model.text;
  const vlm::models::Shape& shape = model.shape;
  std::string formats;
  for (const auto& [format, count] : facts.model.tensors_of)
    formats += fmt::format("{}{} x {}", formats.empty() ? "" : ", ", count, format);
  fmt::print("{}\n", facts.stored.id);
  fmt::print("  file           {} ({}, {})\n", facts.stored.file.string(),
             base::format_bytes(facts.stored.file_bytes), facts.stored.place);
  fmt::print("  architecture   {}, {:.1f} M parameters\n", model.architecture,
             static_cast<double>(model.parameters) / 1e6);
  fmt::print("  shape          {} layers, hidden {}, {} heads of {} ({} for keys), feed-forward {}\n",
             shape.layers, shape.hidden, shape.heads, shape.head_dim, shape.kv_heads, shape.intermediate);
  fmt::print("  number formats {}\n", formats);
  fmt::print("  vocabulary     {} rows, {} tokens\n", shape.vocabulary, facts.model.tokens);
  fmt::print("  chat template  {}\n", chat_words(facts));
  fmt::print("  context        {} tokens\n", shape.context);
  const vlm::generation::MemoryForecast memory = vlm::generation::forecast_memory(facts.model);
  fmt::print(
      "  memory         {} for weights, {} for keys and values of a full context ({} a token), {} to work "
      "in\n",
      base::format_bytes(memory.weights), base::format_bytes(memory.cache),
      base::format_bytes(model.kv_bytes_per_token), base::format_bytes(memory.work));
  if (!facts.model.vision) return;
  const vlm::models::VisionDescription& vision = *facts.model.vision;
  fmt::print("  vision         {}, {:.1f} M parameters, {} layers, hidden {}, {} heads, {}\n",
             vision.architecture, static_cast<double>(vision.parameters) / 1e6, vision.shape.layers,
             vision.shape.hidden, vision.shape.heads, vision.number_format);
  fmt::print("  pictures       longest side {}, tiles of {}, {} tokens each\n",
             vision.frames.tiles.longest_edge, vision.shape.image, vision.shape.rows());
  fmt::print("  memory to see  {} for weights, {} to work in\n", base::format_bytes(memory.vision_weights),
             base::format_bytes(memory.vision_work));
}

// What the processor makes of one picture, for comparing with others'.
int show_processor(const std::string& name, const std::string& picture_file) {
  const auto model = load_for_chat(name);
  if (!model) return report(model.error());
  const auto picture = prepare_picture_file(**model, picture_file, {});
  if (!picture) return report(picture.error());
  if (!(*model)->chat_template) return report((*model)->chat_template.error());
  const vlm::tokenizer::Message message{.role = "user", .content = {}, .images = {picture->spot(0)}};
  const auto ids = (*model)->chat_template->encode((*model)->tokenizer, {&message, 1}, false);
  if (!ids) return report(ids.error());
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().field("file", picture_file);
  write_picture(*picture, json);
  json.key("input_ids").begin_array();
  for (const std::int32_t id : *ids) json.number(id);
  json.end_array().end_object();
  fmt::print("{}\n", out);
  return kDone;
}

}  // namespace

std::function<int()> declare_show(Arguments& arguments) {
  struct Options {
    std::string model;
    std::string picture;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  arguments.required("MODEL", options->model,
                     "id as `sluice list` shows it, a .gguf file or a checkpoint folder");
  arguments.flag("--json", options->json, "print one JSON object");
  arguments.option("--processor", options->picture, "IMAGE: print its sizes, tiles and token ids as JSON");
  return [options] {
    if (!options->picture.empty()) return show_processor(options->model, options->picture);
    const auto facts = gather(options->model);
    if (!facts) return report(facts.error());
    if (options->json)
      fmt::print("{}\n", as_json(*facts));
    else
      print_text(*facts);
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
