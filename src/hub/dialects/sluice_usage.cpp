#include "hub/dialects/sluice_usage.h"

namespace sluice::hub::dialects {

void write_sluice_usage(base::JsonWriter& out, const tasks::Usage& usage) {
  if (usage.pictures.empty() && usage.warnings.empty()) return;
  out.key("sluice").begin_object();
  if (!usage.pictures.empty()) {
    std::uint64_t used = 0;
    std::uint64_t possible = 0;
    for (const tasks::PictureUse& picture : usage.pictures) {
      used += picture.tiles_used;
      possible += picture.tiles_possible;
    }
    out.field("image_tokens", usage.input_image.count);
    out.field("tiles_used", used).field("tiles_possible", possible).key("images").begin_array();
    for (const tasks::PictureUse& picture : usage.pictures) {
      out.begin_object().field("width", picture.width).field("height", picture.height);
      out.field("tiles_used", picture.tiles_used)
          .field("tiles_possible", picture.tiles_possible)
          .end_object();
    }
    out.end_array();
  }
  if (!usage.warnings.empty()) {
    out.key("warnings").begin_array();
    for (const std::string& warning : usage.warnings) out.string(warning);
    out.end_array();
  }
  out.end_object();
}

}  // namespace sluice::hub::dialects
