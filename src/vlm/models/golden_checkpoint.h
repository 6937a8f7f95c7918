// The tiny checkpoints of tests/golden/smolvlm, loaded and run to their seams. For tests.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vlm/formats/huggingface.h"
#include "vlm/image/decode.h"
#include "vlm/models/blocks/step.h"
#include "vlm/models/golden_seams.h"
#include "vlm/models/vision.h"

namespace sluice::vlm::models {

inline std::string golden_folder(const std::string& kind) {
  return std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/" + kind;
}

// The frames of a picture as the tower wants them.
inline std::vector<std::vector<float>> frames_of(const std::string& path, const FrameSettings& settings) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  const auto picture = image::decode(std::as_bytes(std::span(bytes)));
  EXPECT_TRUE(picture) << path;
  if (!picture) return {};
  const auto plan = image::plan_tiles({picture->width, picture->height}, settings.tiles);
  std::vector<std::vector<float>> frames;
  for (const image::Picture& tile : image::cut_tiles(*picture, plan, settings.tiles)) {
    frames.emplace_back(tile.rgb.size());
    image::normalise(tile, settings.mean, settings.deviation, frames.back());
  }
  return frames;
}

// Everything a model computes for one golden prompt.
struct Trace {
  std::map<std::string, std::vector<float>> seams;
};

class EyeAndMouth {
 public:
  EyeAndMouth(std::shared_ptr<const formats::TensorFile> text,
              std::shared_ptr<const formats::TensorFile> vision, std::size_t threads = 2)
      : pool(threads) {
    auto loaded = load_model(text, pool);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    auto tower = load_vision(vision, pool);
    EXPECT_TRUE(tower) << (tower ? "" : tower.error().message);
    if (loaded) decoder = *std::move(loaded);
    if (tower) eye = *std::move(tower);
  }
  bool whole() const { return decoder != nullptr && eye != nullptr; }

  // Rows of the decoder for all frames; notes what passes the tower's seams.
  std::vector<float> look(const std::vector<std::vector<float>>& frames, Trace& trace) {
    auto workspace = *eye->make_workspace(pool.threads());
    workspace->observer = [&](std::string_view seam, std::span<const float> values) {
      auto& all = trace.seams[std::string(seam)];
      all.insert(all.end(), values.begin(), values.end());
    };
    const std::size_t rows = eye->shape().rows() * eye->shape().out;
    std::vector<float> seen(frames.size() * rows);
    for (std::size_t i = 0; i < frames.size(); ++i)
      eye->encode(frames[i], std::span(seen).subspan(i * rows, rows), *workspace, pool);
    return seen;
  }

  // Runs the ids, image rows in the place of `image_token`, and returns the logits of every position.
  std::vector<float> read(const std::vector<std::int32_t>& ids, std::int32_t image_token,
                          const std::vector<float>& seen, Trace& trace) {
    const Shape& shape = decoder->shape();
    auto workspace = *decoder->make_workspace(ids.size(), ids.size(), pool.threads());
    static_cast<Desk&>(*workspace).observer = [&](std::size_t layer, std::span<const float> x) {
      trace.seams["decoder." + std::to_string(layer)] = {x.begin(), x.end()};
    };
    std::vector<std::uint16_t> cache(2 * ids.size() * KvView::halves_per_position(shape));
    std::vector<Row> rows;
    const float* next = seen.data();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      rows.push_back({.token = ids[i],
                      .position = static_cast<std::uint32_t>(i),
                      .kv = {.data = cache.data(), .capacity = ids.size(), .exact = true},
                      .wants_logits = true});
      if (ids[i] != image_token) continue;
      rows.back().embedding = next;
      next += shape.hidden;
    }
    EXPECT_EQ(next, seen.data() + seen.size());
    decoder->forward(rows, *workspace, pool);
    std::vector<float> logits;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto row = workspace->logits(i);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    trace.seams["logits"] = logits;
    return logits;
  }

  tensor::ThreadPool pool;
  std::unique_ptr<const Model> decoder;
  std::unique_ptr<const VisionModel> eye;
};

}  // namespace sluice::vlm::models
