// From a picture as it was sent to what a request needs: frames for the tower, and the spot in a message that
// stands for them. Pure; takes tens of milliseconds for a large picture, so not on an event loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/generation/language_model.h"
#include "vlm/image/picture.h"
#include "vlm/image/repair.h"
#include "vlm/image/tiles.h"
#include "vlm/tokenizer/chat_template.h"

namespace sluice::vlm::generation {

// How finely pictures are cut. `full` is the reference processor: the longest side always becomes all of its
// tiles (four), also for a thumbnail. A number is that many tiles on the longest side; 1 is one frame, not
// cut. `automatic` takes as many as the picture has pixels for, at most those of `full`.
struct TileChoice {
  enum class Kind : std::uint8_t { full, count, automatic };
  Kind kind = Kind::full;
  std::uint32_t count = 0;

  static base::Result<TileChoice> parse(std::string_view text);  // "full", "auto", "1" to "6"
  std::string name() const;                                      // as parse takes it
};

struct PreparedPicture {
  TileChoice choice;
  image::Repair repair;               // what cut_picture does before cutting; nothing, like the reference
  image::Size size;                   // as it is read, after EXIF orientation
  image::TilePlan plan;               // what was done
  std::uint32_t frames_possible = 0;  // with TileChoice full
  std::vector<image::Picture> frames = {};
  std::uint32_t frame_tokens = 0;
  std::chrono::nanoseconds decoding{};
  std::chrono::nanoseconds cutting{};

  // For a message; `at` is where the picture stands in its content.
  tokenizer::ImageSpot spot(std::size_t at) const;
};

// What a picture will take, from its head alone: everything but frames. Fails when the model cannot see, or
// the bytes do not begin as a picture it reads (image/decode.h).
base::Result<PreparedPicture> plan_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                                           TileChoice choice = {});
// Decodes what plan_picture has planned and cuts it into its frames.
base::Status cut_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                         PreparedPicture& planned);
// Both, of a picture in pixels.
base::Result<PreparedPicture> prepare_picture(const LanguageModel& model, const image::Picture& picture,
                                              TileChoice choice = {});
// Both.
base::Result<PreparedPicture> prepare_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                                              TileChoice choice = {}, image::Repair repair = {});

// The models were trained with pictures in front of the text: says so when one of a message stands behind it,
// else empty.
std::string warn_of_order(const tokenizer::Message& message, std::size_t index);

}  // namespace sluice::vlm::generation
