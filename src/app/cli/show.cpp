// sluice show MODEL: what a model is and what it will take, read from the head of its file; no weights are
// loaded.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "app/cli/command.h"
#include "app/device/model_store.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "vlm/formats/gguf.h"
#include "vlm/models/model.h"
#include "vlm/tokenizer/chat_template.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::app::cli {
namespace {

struct Facts {
  device::StoredModel stored;
  vlm::models::Description model;
  std::map<std::string_view, std::size_t> tensors_of;  // per number format
  std::size_t tokens = 0;
  std::string chat_template;  // family, or why there is none
  bool chats = false;
};

base::Result<Facts> gather(const std::string& name) {
  const device::ModelStore store(device::model_places_from_environment());
  Facts facts;
  SLUICE_TRY(facts.stored, store.find(name));
  SLUICE_TRY(const auto file, vlm::formats::load_gguf(facts.stored.file));
  SLUICE_TRY(facts.model, vlm::models::describe_model(file));
  SLUICE_TRY(const auto tokenizer, vlm::tokenizer::Tokenizer::from_gguf(file.metadata()));
  facts.tokens = tokenizer.size();
  const auto chat = vlm::tokenizer::ChatTemplate::recognise(tokenizer.chat_template(), tokenizer);
  facts.chats = chat.has_value();
  facts.chat_template = chat ? std::string(chat->family()) : chat.error().message;
  for (const auto& tensor : file.tensors()) ++facts.tensors_of[vlm::tensor::name_of(tensor.view.dtype())];
  return facts;
}

std::string as_json(const Facts& facts) {
  const vlm::models::Description& model = facts.model;
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
  for (const auto& [format, count] : facts.tensors_of) json.field(format, count);
  json.end_object()
      .field("tokens", facts.tokens)
      .field("chats", facts.chats)
      .field("chat_template", facts.chat_template);
  json.key("memory").begin_object().field("weights_bytes", model.weights_bytes);
  json.field("kv_bytes_per_token", model.kv_bytes_per_token);
  json.field("kv_bytes_full_context", model.kv_bytes_per_token * model.shape.context)
      .end_object()
      .end_object();
  return out;
}

void print_text(const Facts& facts) {
  const vlm::models::Description& model = facts.model;
  const vlm::models::Shape& shape = model.shape;
  std::string formats;
  for (const auto& [format, count] : facts.tensors_of)
    formats += fmt::format("{}{} x {}", formats.empty() ? "" : ", ", count, format);
  fmt::print("{}\n", facts.stored.id);
  fmt::print("  file           {} ({}, {})\n", facts.stored.file.string(),
             base::format_bytes(facts.stored.file_bytes), facts.stored.place);
  fmt::print("  architecture   {}, {:.1f} M parameters\n", model.architecture,
             static_cast<double>(model.parameters) / 1e6);
  fmt::print("  shape          {} layers, hidden {}, {} heads of {} ({} for keys), feed-forward {}\n",
             shape.layers, shape.hidden, shape.heads, shape.head_dim, shape.kv_heads, shape.intermediate);
  fmt::print("  number formats {}\n", formats);
  fmt::print("  vocabulary     {} rows, {} tokens\n", shape.vocabulary, facts.tokens);
  fmt::print("  chat template  {}\n", facts.chat_template);
  fmt::print("  context        {} tokens\n", shape.context);
  fmt::print("  memory         {} for weights, {} for keys and values of a full context ({} a token)\n",
             base::format_bytes(model.weights_bytes),
             base::format_bytes(model.kv_bytes_per_token * shape.context),
             base::format_bytes(model.kv_bytes_per_token));
}

}  // namespace

std::function<int()> declare_show(Arguments& arguments) {
  struct Options {
    std::string model;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  arguments.required("MODEL", options->model, "id as `sluice list` shows it, or a .gguf file");
  arguments.flag("--json", options->json, "print one JSON object");
  return [options] {
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
