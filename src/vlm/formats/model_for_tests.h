// The real model, for tests that need it: SmolLM2-135M-Instruct.Q4_1.gguf at the path in SLUICE_TEST_GGUF
// (./check obtains it and sets the variable). Without it a test is skipped aloud, or fails when
// SLUICE_REQUIRE_MODEL=1:
//   const TensorFile* model = model_for_tests();
//   if (model == nullptr) SLUICE_MODEL_IS_MISSING();
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "vlm/formats/gguf.h"

namespace sluice::vlm::formats {

// Loaded once for the process; nullptr when the variable is unset or the file cannot be read (a test
// failure).
inline const TensorFile* model_for_tests() {
  static const std::unique_ptr<const TensorFile> kModel = []() -> std::unique_ptr<const TensorFile> {
    const char* path = std::getenv("SLUICE_TEST_GGUF");
    if (path == nullptr || *path == '\0') return nullptr;
    auto file = load_gguf(path);
    if (file) return std::make_unique<const TensorFile>(*std::move(file));
    ADD_FAILURE() << "SLUICE_TEST_GGUF: " << file.error().message;
    return nullptr;
  }();
  return kModel.get();
}

inline bool is_model_required() {
  const char* flag = std::getenv("SLUICE_REQUIRE_MODEL");
  return flag != nullptr && std::string_view(flag) == "1";
}

}  // namespace sluice::vlm::formats

#define SLUICE_MODEL_IS_MISSING()                                                                      \
  do {                                                                                                 \
    if (::sluice::vlm::formats::is_model_required()) FAIL() << "SLUICE_TEST_GGUF names no model file"; \
    GTEST_SKIP() << "SLUICE_TEST_GGUF names no model file: NOT TESTED";                                \
  } while (false)
