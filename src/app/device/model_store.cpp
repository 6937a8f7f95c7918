#include "app/device/model_store.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>

#include "app/device/limits.h"
#include "app/huggingface/choose_files.h"
#include "app/huggingface/model_name.h"
#include "app/huggingface/settings.h"
#include "base/strings.h"
#include "vlm/formats/huggingface.h"

namespace sluice::app::device {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

fs::path first_of(std::initializer_list<fs::path> candidates) {
  for (const fs::path& path : candidates)
    if (!path.empty()) return path;
  return {};
}

fs::path under(const std::string& folder, std::string_view rest) {
  return folder.empty() ? fs::path() : fs::path(folder) / rest;
}

bool is_model_file(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.path().extension() == ".gguf" && entry.is_regular_file(error) &&
         !vlm::generation::is_vision_half(entry.path());
}

bool is_checkpoint(const fs::path& folder) {
  std::error_code error;
  return vlm::formats::looks_like_huggingface(folder) &&
         (fs::exists(folder / "model.safetensors", error) ||
          fs::exists(folder / "model.safetensors.index.json", error));
}

// Of a file, or of a checkpoint's weights.
std::uint64_t bytes_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const std::uint64_t bytes = fs::file_size(path, error);
    return error ? 0 : bytes;
  }
  std::uint64_t total = 0;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code unread;
    const std::uint64_t bytes = at->path().extension() == ".safetensors" ? at->file_size(unread) : 0;
    if (!unread) total += bytes;
  }
  return total;
}

// Sorted, so that ids do not depend on the order of a directory.
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end;
       !error && at != end && entries.size() < kModelsListedMax; at.increment(error))
    entries.push_back(*at);
  std::ranges::sort(entries, {}, [](const auto& entry) { return entry.path(); });
  return entries;
}

class Scan {
 public:
  void add(std::string id, const fs::path& file, std::string_view place) {
    if (found_.size() >= kModelsListedMax || found_.contains(id)) return;
    found_.emplace(
        id, StoredModel{.id = id, .file = file, .file_bytes = bytes_of(file), .place = std::string(place)});
  }

  // All model files of one folder under one id.
  void add_folder(const std::string& id, const fs::path& folder, std::string_view place) {
    if (is_checkpoint(folder)) add(id, folder, place);
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : entries_of(folder))
      if (is_model_file(entry)) files.push_back(entry.path());
    std::map<std::string, std::size_t> files_of_quant;
    for (const fs::path& file : files) ++files_of_quant[quant_of(file)];
    for (const fs::path& file : files) {
      const std::string quant = quant_of(file);
      const bool says_it = !quant.empty() && files_of_quant[quant] == 1;
      add(files.size() == 1 ? id : id + ":" + (says_it ? quant : file.stem().string()), file, place);
    }
  }

  std::vector<StoredModel> take() {
    std::vector<StoredModel> models;
    for (auto& [id, model] : found_) models.push_back(std::move(model));
    return models;
  }

 private:
  static std::string quant_of(const fs::path& file) {
    return huggingface::quant_of(file.filename().string());
  }

  std::map<std::string, StoredModel> found_;
};

constexpr std::string_view kModelsFolder = "models folder";
constexpr std::string_view kSingleFile = "SLUICE_MODEL";
constexpr std::string_view kHuggingFace = "Hugging Face cache";
constexpr std::string_view kShipped = "with sluice";

void scan_models_folder(const fs::path& root, Scan& scan) {
  for (const fs::directory_entry& org : entries_of(root)) {
    std::error_code error;
    if (is_model_file(org)) scan.add(org.path().stem().string(), org.path(), kModelsFolder);
    if (!org.is_directory(error)) continue;
    for (const fs::directory_entry& name : entries_of(org.path()))
      if (name.is_directory(error))
        scan.add_folder(org.path().filename().string() + "/" + name.path().filename().string(), name.path(),
                        kModelsFolder);
  }
}

// `models--<org>--<name>`: refs/main names the commit; without it any snapshot does.
void scan_hugging_face(const fs::path& root, Scan& scan) {
  for (const fs::directory_entry& repository : entries_of(root)) {
    std::string name = repository.path().filename().string();
    if (!name.starts_with("models--")) continue;
    name.erase(0, std::string_view("models--").size());
    const std::size_t cut = name.find("--");
    if (cut == std::string::npos) continue;
    const std::string id = name.substr(0, cut) + "/" + name.substr(cut + 2);
    std::string commit;
    std::ifstream(repository.path() / "refs" / "main") >> commit;
    if (!commit.empty() && commit.find('/') == std::string::npos) {
      scan.add_folder(id, repository.path() / "snapshots" / commit, kHuggingFace);
    } else {
      for (const fs::directory_entry& snapshot : entries_of(repository.path() / "snapshots"))
        scan.add_folder(id, snapshot.path(), kHuggingFace);
    }
  }
}

fs::path repository_in(const fs::path& cache, std::string_view name) {
  std::string folder = "models";
  for (const std::string_view part : base::split(name, '/')) (folder += "--") += part;
  return cache / folder;
}

// `org/name@revision` looks into that snapshot alone; `org/name:QUANT` names a file by its number format,
// also where it is the only one.
std::optional<StoredModel> find_by_hub_name(std::string_view text, const ModelPlaces& places) {
  const auto name = huggingface::parse_model_name(text);
  if (!name) return std::nullopt;
  Scan scan;
  if (text.find('@') != std::string_view::npos) {
    const fs::path folder = repository_in(places.hugging_face_cache, name->repository);
    std::string commit;
    std::ifstream(folder / "refs" / name->revision) >> commit;
    if (commit.empty()) commit = name->revision;
    if (commit.find('/') != std::string::npos || commit.starts_with('.')) return std::nullopt;
    scan.add_folder(name->repository, folder / "snapshots" / commit, kHuggingFace);
  } else {
    scan_models_folder(places.models_folder, scan);
    scan_hugging_face(places.hugging_face_cache, scan);
  }
  std::vector<StoredModel> fitting;
  for (StoredModel& model : scan.take()) {
    if (model.id.substr(0, model.id.find(':')) != name->repository) continue;
    const std::string quant = huggingface::quant_of(model.file.filename().string());
    if (!name->quant.empty() && !base::equals_ignoring_case(quant, name->quant)) continue;
    fitting.push_back(std::move(model));
  }
  if (fitting.size() != 1) return std::nullopt;
  fitting.front().id = text;
  return std::move(fitting.front());
}

// A file inside the models folder keeps the id it has there; another is served under its own name.
std::string id_of_single_file(const ModelPlaces& places) {
  Scan scan;
  scan_models_folder(places.models_folder, scan);
  std::error_code error;
  for (const StoredModel& model : scan.take())
    if (fs::equivalent(model.file, places.single_file, error)) return model.id;
  return places.single_file.stem().string();
}

}  // namespace

fs::path shipped_reader_of(const fs::path& program) {
  const fs::path folder = program.parent_path();
  std::error_code error;
  for (const char* way : {"../share/sluice/models/reader", "../../../models/reader"}) {
    const fs::path reader = (folder / way).lexically_normal();
    if (!folder.empty() && fs::is_directory(reader, error)) return reader;
  }
  return {};
}

ModelPlaces model_places_from_environment() {
  std::error_code error;
  const std::string home = variable("HOME");
  return {.single_file = variable("SLUICE_MODEL"),
          .models_folder = first_of(
              {under(variable("XDG_DATA_HOME"), "sluice/models"), under(home, ".local/share/sluice/models")}),
          .hugging_face_cache = huggingface::cache_folder(huggingface::variables_of_process()),
          .shipped = shipped_reader_of(fs::read_symlink("/proc/self/exe", error))};
}

std::vector<StoredModel> ModelStore::list() const {
  Scan scan;
  if (!places_.single_file.empty()) scan.add(id_of_single_file(places_), places_.single_file, kSingleFile);
  scan_models_folder(places_.models_folder, scan);
  scan_hugging_face(places_.hugging_face_cache, scan);
  if (!places_.shipped.empty()) scan.add_folder(std::string(kReaderId), places_.shipped, kShipped);
  return scan.take();
}

Result<StoredModel> ModelStore::find_seeing() const {
  const std::vector<StoredModel> models = list();
  const auto seeing = [&](bool shipped) {
    return std::ranges::find_if(models, [&](const StoredModel& model) {
      return (model.place == kShipped) == shipped && vlm::generation::looks_like_seeing(model.file);
    });
  };
  for (const bool shipped : {false, true})
    if (const auto found = seeing(shipped); found != models.end()) return *found;
  return fail(ErrorCode::not_found,
              "no model on this machine sees pictures: `sluice pull HuggingFaceTB/SmolVLM-256M-Instruct` "
              "downloads one, or put a SmolVLM folder or GGUF pair into {}",
              places_.models_folder.string());
}

Result<StoredModel> ModelStore::find(std::string_view id) const {
  std::vector<StoredModel> models = list();
  for (StoredModel& model : models)
    if (model.id == id) return std::move(model);

  const fs::path path(id);
  std::error_code error;
  const bool is_file = path.extension() == ".gguf" && fs::is_regular_file(path, error);
  if (is_file || is_checkpoint(path)) {
    const fs::path name = is_file ? path.stem() : fs::weakly_canonical(path, error).filename();
    return StoredModel{.id = name.string(), .file = path, .file_bytes = bytes_of(path), .place = "path"};
  }

  if (auto named = find_by_hub_name(id, places_)) return *std::move(named);

  std::vector<std::string> ids;
  for (const StoredModel& model : models) ids.push_back(model.id);
  const std::vector<std::string> near = base::near_names(id, ids);
  const std::vector<std::string>& shown = near.empty() ? ids : near;
  std::string hint;
  if (shown.empty())
    hint = fmt::format("there are none in {} nor in {}", places_.models_folder.string(),
                       places_.hugging_face_cache.string());
  else
    hint = fmt::format("{} {}", near.empty() ? "there are" : "did you mean", fmt::join(shown, ", "));
  return fail({.code = ErrorCode::not_found,
               .message = fmt::format("no model {} on this machine: {}", id, hint),
               .parameter = "model"});
}

struct ModelStore::Slot {
  std::string id;
  fs::path file;
  std::mutex loading;  // held by the one who loads
  // Guarded by the store's mutex_.
  LoadedModel kept;                                          // among the most recently used
  std::weak_ptr<const vlm::generation::LanguageModel> used;  // alive while sessions need it
};

std::shared_ptr<ModelStore::Slot> ModelStore::slot_of(const StoredModel& model) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(slots_, [&](const auto& slot) { return slot->file == model.file; });
  if (found != slots_.end()) {
    std::rotate(slots_.begin(), found, found + 1);
    return slots_.front();
  }
  auto slot = std::make_shared<Slot>();
  slot->id = model.id;
  slot->file = model.file;
  slots_.insert(slots_.begin(), slot);
  return slot;
}

Result<ModelStore::LoadedModel> ModelStore::load(const StoredModel& model) {
  const std::shared_ptr<Slot> slot = slot_of(model);
  const std::lock_guard loading(slot->loading);
  {
    const std::lock_guard lock(mutex_);
    // One whose files lost bytes is of no use to anybody: what is there now is loaded.
    if (LoadedModel ready = slot->used.lock(); ready != nullptr && ready->check_whole()) {
      slot->kept = ready;
      forget_oldest();
      return ready;
    }
  }
  auto loaded = vlm::generation::load_language_model(model.file);
  const std::lock_guard lock(mutex_);
  if (!loaded) {
    slot->kept.reset();
    return base::fail(loaded.error());
  }
  LoadedModel ready = *std::move(loaded);
  slot->kept = ready;
  slot->used = ready;
  forget_oldest();
  return ready;
}

ModelStore::LoadedModel ModelStore::loaded(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(slots_, [&](const auto& slot) { return slot->id == id; });
  if (found == slots_.end()) return nullptr;
  LoadedModel ready = (*found)->used.lock();
  if (ready != nullptr && !ready->check_whole()) return nullptr;
  if (ready != nullptr) std::rotate(slots_.begin(), found, found + 1);
  return ready;
}

// Called with mutex_ held.
void ModelStore::forget_oldest() {
  std::size_t kept = 0;
  for (const auto& slot : slots_)
    if (slot->kept != nullptr && ++kept > kModelsKept) slot->kept.reset();
  std::erase_if(slots_, [](const auto& slot) { return slot.use_count() == 1 && slot->used.expired(); });
}

}  // namespace sluice::app::device
