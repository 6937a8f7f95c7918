#include "app/huggingface/choose_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.h"

namespace sluice::app::huggingface {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kGguf = ".gguf";
constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kUsualQuant = "Q4_K_M";
// What may stand beside the weights; whatever of it is there is fetched.
constexpr std::array<std::string_view, 12> kBeside{"config.json",
                                                   "generation_config.json",
                                                   "preprocessor_config.json",
                                                   "processor_config.json",
                                                   "tokenizer.json",
                                                   "tokenizer_config.json",
                                                   "special_tokens_map.json",
                                                   "added_tokens.json",
                                                   "vocab.json",
                                                   "merges.txt",
                                                   "chat_template.json",
                                                   "chat_template.jinja"};
// The vision half is small beside the decoder, so exactness comes first.
constexpr std::array<std::string_view, 4> kVisionFormats{"Q8_0", "F16", "BF16", "F32"};

const RemoteFile* find(const Listing& listing, std::string_view path) {
  const auto found = std::ranges::find(listing.files, path, &RemoteFile::path);
  return found == listing.files.end() ? nullptr : &*found;
}

bool is_vision_half(std::string_view path) {
  return base::to_lower(path).find("mmproj") != std::string::npos;
}

// "x-00001-of-00003.gguf": a file in pieces.
bool is_piece(std::string_view path) {
  return path.find("-of-0") != std::string_view::npos;
}

std::vector<const RemoteFile*> gguf_files(const Listing& listing, bool vision) {
  std::vector<const RemoteFile*> files;
  for (const RemoteFile& file : listing.files)
    if (file.path.ends_with(kGguf) && file.path.find('/') == std::string::npos && !is_piece(file.path) &&
        is_vision_half(file.path) == vision)
      files.push_back(&file);
  return files;
}

bool has_quant(const RemoteFile* file, std::string_view quant) {
  return base::equals_ignoring_case(quant_of(file->path), quant) ||
         base::equals_ignoring_case(std::string_view(file->path).substr(0, file->path.size() - kGguf.size()),
                                    quant);
}

const RemoteFile* vision_half_for(const Listing& listing, std::string_view quant) {
  const auto halves = gguf_files(listing, true);
  const auto of = [&](std::string_view format) {
    const auto found = std::ranges::find_if(halves, [&](auto* half) { return has_quant(half, format); });
    return found == halves.end() ? nullptr : *found;
  };
  for (const std::string_view format : kVisionFormats)
    if (const RemoteFile* half = of(format)) return half;
  if (const RemoteFile* half = of(quant)) return half;
  return halves.empty() ? nullptr : halves.front();
}

Result<Choice> choose_gguf(const Listing& listing, std::string_view repository, std::string_view quant) {
  const auto files = gguf_files(listing, false);
  std::vector<std::string> names;
  for (const RemoteFile* file : files) names.push_back(file->path);
  const RemoteFile* chosen = nullptr;
  for (const RemoteFile* file : files)
    if (has_quant(file, quant.empty() ? kUsualQuant : quant)) chosen = chosen == nullptr ? file : chosen;
  if (chosen == nullptr && quant.empty() && !files.empty()) chosen = files.front();
  if (chosen == nullptr)
    return fail(
        ErrorCode::not_found, "{}: no GGUF file is {}: {}", repository, quant,
        names.empty() ? "there is none that is whole" : fmt::format("there are {}", fmt::join(names, ", ")));
  Choice choice;
  choice.quant = quant_of(chosen->path);
  if (const RemoteFile* half = vision_half_for(listing, choice.quant)) choice.files.push_back(*half);
  choice.files.push_back(*chosen);
  std::erase(names, chosen->path);
  choice.others = std::move(names);
  return choice;
}

// The index names its shards by number; which ones are there the listing says.
std::vector<RemoteFile> shards_of(const Listing& listing) {
  std::vector<RemoteFile> shards;
  for (const RemoteFile& file : listing.files)
    if (file.path.starts_with("model-") && file.path.ends_with(kSafetensors) &&
        file.path.find('/') == std::string::npos)
      shards.push_back(file);
  return shards;
}

}  // namespace

std::string quant_of(std::string_view file) {
  if (!file.ends_with(kGguf)) return {};
  file.remove_suffix(kGguf.size());
  // The last piece between '-' and '.' that begins like a number format; underscores belong to it.
  const std::size_t cut = file.find_last_of("-.");
  const std::string_view last = cut == std::string_view::npos ? file : file.substr(cut + 1);
  const std::string upper = [&] {
    std::string text(last);
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
  }();
  const bool numbered = upper.size() >= 2 && std::isdigit(static_cast<unsigned char>(upper[1])) != 0;
  if ((upper.starts_with('Q') && numbered) || upper.starts_with("IQ") || upper == "F16" || upper == "F32" ||
      upper == "BF16")
    return upper;
  return {};
}

Result<Choice> choose_files(const Listing& listing, std::string_view repository, std::string_view quant) {
  const RemoteFile* index = find(listing, "model.safetensors.index.json");
  const RemoteFile* whole = find(listing, "model.safetensors");
  const bool is_folder = find(listing, "config.json") != nullptr && (whole != nullptr || index != nullptr);
  if (!quant.empty() || (!is_folder && !gguf_files(listing, false).empty()))
    return choose_gguf(listing, repository, quant);
  if (!is_folder) {
    std::vector<std::string_view> held;
    for (const RemoteFile& file : listing.files)
      if (held.size() < 8) held.push_back(file.path);
    return fail(ErrorCode::not_found,
                "{}: holds no model that sluice reads (config.json with safetensors, or a GGUF file): {}",
                repository,
                held.empty() ? "it is empty" : fmt::format("there are {}", fmt::join(held, ", ")));
  }
  Choice choice;
  for (const std::string_view path : kBeside)
    if (const RemoteFile* file = find(listing, path)) choice.files.push_back(*file);
  if (whole != nullptr) {
    choice.files.push_back(*whole);
  } else {
    choice.files.push_back(*index);
    std::ranges::copy(shards_of(listing), std::back_inserter(choice.files));
  }
  return choice;
}

}  // namespace sluice::app::huggingface
