#include "hub/dialects/gemini/model_generation.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects::gemini {
namespace {

TEST(hub_dialects_gemini_model_generation, reads_it_from_the_name) {
  EXPECT_EQ(generation_of("gemini-2.5-pro"), 2);
  EXPECT_EQ(generation_of("models/gemini-3-flash-preview"), 3);
  EXPECT_EQ(generation_of("publishers/google/models/gemini-4.1"), 4);
  EXPECT_EQ(generation_of("gemini-flash-latest"), 3);
  for (const char* model : {"", "gemini", "gemini-", "gemma-3", "tunedModels/x", "gemini-embedding-001"})
    EXPECT_EQ(generation_of(model), 0) << model;
}

}  // namespace
}  // namespace sluice::hub::dialects::gemini
