#include "app/device/video_part.h"

#include "hub/dialects/json_view.h"
#include "vlm/generation/video_prompt.h"

namespace sluice::app::device {

using base::Result;
using base::Status;
using hub::dialects::JsonType;
using hub::dialects::JsonView;

bool is_video(const hub::tasks::NativePart& part) {
  return part.type == "video" && part.dialect == "openai";
}

Result<VideoPart> read_video(const hub::tasks::NativePart& part, std::string_view place) {
  VideoPart video;
  const JsonView view(part.json, std::string(place));
  SLUICE_TRY_VOID(view.each_member([&](const std::string& name, const JsonView& member) -> Status {
    if (name == "fps") {
      SLUICE_TRY(video.frames_per_s, member.decimal(0, vlm::generation::kFrameRateMax));
      return {};
    }
    if (name != "video") return {};
    if (member.type() != JsonType::array) return member.refuse("a list of pictures");
    return member.each_element([&](const JsonView& frame) -> Status {
      SLUICE_TRY(std::string url, frame.string());
      video.frames.push_back(std::move(url));
      return {};
    });
  }));
  return video;
}

}  // namespace sluice::app::device
