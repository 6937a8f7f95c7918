#include "vlm/generation/video_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <numeric>

#include "vlm/models/golden_seams.h"

namespace sluice::vlm::generation {
namespace {

using testing::ElementsAre;

// Frames, rate, and of the indices that numpy gives: how many, the last, and their sum.
struct Sampled {
  std::size_t total;
  double rate;
  std::size_t count;
  std::size_t last;
  std::size_t sum;
};

TEST(vlm_generation_video_prompt, samples_the_frames_that_the_reference_samples) {
  for (const Sampled& expected :
       {Sampled{300, 30, 10, 299, 1491}, Sampled{3000, 25, 64, 2975, 95'969}, Sampled{45, 15, 3, 44, 66},
        Sampled{1, 30, 1, 0, 0}, Sampled{2, 1, 2, 1, 1}, Sampled{90'000, 29.97, 64, 89'970, 2'879'937},
        Sampled{1000, 23.976, 42, 999, 20'959}, Sampled{64, 1, 64, 63, 2016}, Sampled{67, 1, 64, 66, 2113},
        Sampled{75, 30, 2, 74, 74}}) {
    const auto indices = sample_frames(expected.total, expected.rate);
    ASSERT_TRUE(indices) << indices.error().message;
    EXPECT_EQ(indices->size(), expected.count) << expected.total;
    EXPECT_EQ(indices->back(), expected.last) << expected.total;
    EXPECT_EQ(std::accumulate(indices->begin(), indices->end(), std::size_t{0}), expected.sum)
        << expected.total;
  }
  EXPECT_THAT(*sample_frames(45, 15), ElementsAre(0, 22, 44));
  for (const double rate : {0.0, -1.0, 1001.0}) EXPECT_FALSE(sample_frames(10, rate));
  EXPECT_TRUE(sample_frames(10, kFrameRateMax));
  EXPECT_FALSE(sample_frames(0, 1));
  EXPECT_TRUE(sample_frames(kVideoFramesMax, 30));
  EXPECT_FALSE(sample_frames(kVideoFramesMax + 1, 30));
}

TEST(vlm_generation_video_prompt, spells_numbers_and_times) {
  EXPECT_EQ(in_words(0), "zero");
  EXPECT_EQ(in_words(19), "nineteen");
  EXPECT_EQ(in_words(20), "twenty");
  EXPECT_EQ(in_words(64), "sixty-four");
  EXPECT_EQ(in_words(100), "100");
  const std::vector<std::size_t> indices{0, 1500, 2999};
  const auto message = video_message(indices, 3000, 25, 4, "What happens?");
  EXPECT_EQ(message.content,
            "You are provided the following series of three frames from a 0:02:00 [H:MM:SS] video.\n"
            "\nFrame from 00:00:\nFrame from 01:00:\nFrame from 01:59:\n\nWhat happens?");
  ASSERT_EQ(message.images.size(), 3U);
  EXPECT_EQ(message.content.substr(message.images[1].at), "\nFrame from 01:59:\n\nWhat happens?");
}

TEST(vlm_generation_video_prompt, frames_are_not_cut) {
  ASSERT_TRUE(models::golden_is_here());
  const std::string folder = std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/llama";
  const auto model = load_language_model(folder, 1);
  ASSERT_TRUE(model) << model.error().message;
  const std::vector<std::byte> nothing;
  EXPECT_FALSE(prepare_video_frame(**model, nothing));
  const std::vector<std::size_t> indices{0, 30};
  const auto message = video_message(indices, 60, 30, 4, "What?");
  const auto ids = (*model)->chat_template->encode((*model)->tokenizer, {&message, 1});
  ASSERT_TRUE(ids);
  const std::string shown = (*model)->tokenizer.decode(*ids, true);
  EXPECT_TRUE(shown.starts_with("<|im_start|>User: You are provided")) << shown;
  EXPECT_NE(shown.find("Frame from 00:01:<fake_token_around_image><global-img><image><image><image><image>"
                       "<fake_token_around_image>\n\nWhat?<end_of_utterance>"),
            std::string::npos)
      << shown;
}

// What SmolVLMVideoProcessor of transformers 5.23.0 with torchvision 0.29.2 makes of the golden picture: it
// keeps 8 bits between the passes too, and differs from Pillow by one level here and there.
TEST(vlm_generation_video_prompt, frames_have_the_pixels_of_the_reference) {
  ASSERT_TRUE(models::golden_is_here());
  const std::string folder = std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/llama";
  const auto model = load_language_model(folder, 1);
  ASSERT_TRUE(model) << model.error().message;
  std::ifstream in(folder + "/picture.png", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto prepared = prepare_video_frame(**model, std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(prepared) << prepared.error().message;
  ASSERT_EQ(prepared->frames.size(), 1U);
  const image::Picture& frame = prepared->frames[0];
  struct Pixel {
    std::uint32_t y, x;
    int rgb[3];
  };
  for (const Pixel& pixel :
       {Pixel{0, 0, {3, 2, 91}}, Pixel{3, 29, {255, 24, 81}}, Pixel{7, 12, {250, 44, 35}},
        Pixel{11, 20, {172, 84, 152}}, Pixel{15, 5, {246, 58, 14}}, Pixel{18, 16, {149, 130, 139}},
        Pixel{22, 27, {230, 167, 81}}, Pixel{26, 9, {79, 197, 160}}, Pixel{31, 31, {0, 234, 109}}})
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_NEAR(frame.row(pixel.y)[pixel.x * 3 + c], pixel.rgb[c], 1) << pixel.y << ' ' << pixel.x;
  int sums[3] = {};
  for (std::size_t i = 0; i < frame.rgb.size(); ++i) sums[i % 3] += frame.rgb[i];
  EXPECT_NEAR(sums[0], 153341, 40);
  EXPECT_NEAR(sums[1], 112740, 40);
  EXPECT_NEAR(sums[2], 106718, 40);
}

}  // namespace
}  // namespace sluice::vlm::generation
