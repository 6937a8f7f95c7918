#include <array>
#include <string>

#include "vlm/models/llama/llama.h"
#include "vlm/models/model.h"

namespace sluice::vlm::models {

std::span<const Architecture> all_architectures() {
  static constexpr std::array kArchitectures{
      Architecture{"llama", load_llama},
  };
  return kArchitectures;
}

Result<std::unique_ptr<const Model>> load_model(std::shared_ptr<const formats::TensorFile> file,
                                                tensor::ThreadPool& pool) {
  SLUICE_TRY(const std::string_view wanted, file->metadata().text("general.architecture"));
  std::string known;
  for (const Architecture& architecture : all_architectures()) {
    if (architecture.name == wanted) return architecture.load(std::move(file), pool);
    known += known.empty() ? "" : ", ";
    known += architecture.name;
  }
  return base::fail(base::ErrorCode::invalid_argument, "{}: architecture {}: expected one of {}",
                    file->name(), wanted, known);
}

}  // namespace sluice::vlm::models
