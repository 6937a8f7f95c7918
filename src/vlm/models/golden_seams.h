// Reads tests/golden/smolvlm/*/seams.txt, for tests: what Hugging Face transformers computed on a tiny
// checkpoint, at every seam (tools/golden_smolvlm.py says how).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"

namespace sluice::vlm::models {

// For ASSERT_TRUE in a SetUp: tests would otherwise stumble over what is not there.
inline testing::AssertionResult golden_is_here() {
  for (const char* kind : {"llama", "smollm3"}) {
    const std::string file =
        std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/" + kind + "/model.safetensors";
    if (!std::ifstream(file).is_open())
      return testing::AssertionFailure()
             << file << " is missing: it is committed, and tools/make_goldens smolvlm makes it";
  }
  return testing::AssertionSuccess();
}

struct GoldenSeam {
  std::size_t rows = 0;
  std::size_t columns = 0;
  double largest = 0;
  double norm = 0;
  std::vector<double> samples;  // at index k * count / 256
};

struct GoldenRun {
  std::string prompt;
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> answer;  // greedy
  std::vector<double> gaps;          // between the two likeliest tokens, at each step of the answer
  std::map<std::string, GoldenSeam> seams;

  static GoldenRun read(const std::string& path) {
    std::ifstream file(path);
    CHECK(file.is_open());
    GoldenRun run;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string kind;
      words >> kind;
      if (kind == "ids") run.ids = numbers<std::int32_t>(words);
      if (kind == "answer") run.answer = numbers<std::int32_t>(words);
      if (kind == "gaps") run.gaps = numbers<double>(words);
      if (kind == "prompt") std::getline(words >> std::ws, run.prompt);
      if (kind != "seam") continue;
      std::string name;
      GoldenSeam seam;
      words >> name >> seam.rows >> seam.columns >> seam.largest >> seam.norm;
      seam.samples = numbers<double>(words);
      run.seams.emplace(name, std::move(seam));
    }
    return run;
  }

 private:
  template <typename T>
  static std::vector<T> numbers(std::istringstream& words) {
    std::vector<T> values;
    for (T value; words >> value;) values.push_back(value);
    return values;
  }
};

struct SeamDistance {
  double largest = 0;  // difference, as a share of the golden's largest magnitude
  double cosine = 0;
  double norm = 0;  // difference of norms, as a share
};

inline SeamDistance distance_of(const GoldenSeam& golden, std::span<const float> values) {
  SeamDistance distance;
  if (values.size() != golden.rows * golden.columns) {
    ADD_FAILURE() << "expected " << golden.rows << " x " << golden.columns << ", got " << values.size();
    return distance;
  }
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t k = 0; k < golden.samples.size(); ++k) {
    const double a = values[k * values.size() / golden.samples.size()];
    const double b = golden.samples[k];
    distance.largest = std::max(distance.largest, std::abs(a - b) / golden.largest);
    ab += a * b;
    aa += a * a;
    bb += b * b;
  }
  distance.cosine = ab / std::sqrt(aa * bb);
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  distance.norm = std::abs(std::sqrt(squares) - golden.norm) / golden.norm;
  return distance;
}

}  // namespace sluice::vlm::models
