#include <array>
#include <string>

#include "vlm/models/llama/llama.h"
#include "vlm/models/model.h"

namespace sluice::vlm::models {

std::span<const Architecture> all_architectures() {
  static constexpr std::array kArchitectures{
      Architecture{"llama", describe_llama, load_llama},
      Architecture{"smollm3", describe_llama, load_llama},
  };
  return kArchitectures;
}

namespace {

Result<const Architecture*> architecture_of(const formats::TensorFile& file) {
  SLUICE_TRY(const std::string_view wanted, file.metadata().text("general.architecture"));
  std::string known;
  for (const Architecture& architecture : all_architectures()) {
    if (architecture.name == wanted) return &architecture;
    known += known.empty() ? "" : ", ";
    known += architecture.name;
  }
  return base::fail(base::ErrorCode::invalid_argument, "{}: architecture {}: expected one of {}", file.name(),
                    wanted, known);
}

}  // namespace

Result<Description> describe_model(const formats::TensorFile& file) {
  SLUICE_TRY(const Architecture* architecture, architecture_of(file));
  return architecture->describe(file);
}

Result<std::unique_ptr<const Model>> load_model(std::shared_ptr<const formats::TensorFile> file,
                                                tensor::ThreadPool& pool) {
  SLUICE_TRY(const Architecture* architecture, architecture_of(*file));
  return architecture->load(std::move(file), pool);
}

}  // namespace sluice::vlm::models
