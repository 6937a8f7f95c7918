// What a scanner or a telephone did to a page, undone as far as a plain method can: skew and uneven light.
// Never done unless asked for: the reference processor does neither. Pure; any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "vlm/image/picture.h"

namespace sluice::vlm::image {

struct Repair {
  bool deskew = false;
  bool light = false;

  bool any() const { return deskew || light; }
  // "deskew", "light", both with a comma between, or "none".
  static base::Result<Repair> parse(std::string_view text);
  std::string_view name() const;  // as parse takes it
};

// By how many degrees lines of text rise to the right (negative: fall), -10 to 10; 0 where no direction
// stands out. The angle under which the rows' sums of ink differ most from row to row (projection profile, W.
// Postl, ICPR 1986).
double skew_of(const Picture& picture);

// Turns the picture by `degrees` clockwise about its centre, linearly; its size stays, its edge goes on
// outside.
Picture turn(const Picture& picture, double degrees);

// Divides by the paper's brightness, estimated in 24 cells a side and smoothed, so that paper becomes evenly
// white. A picture whose ground is darker than what stands on it is left alone.
Picture flatten_light(const Picture& picture);

// The light first: a shadow's edge is no line of text.
Picture repaired(Picture picture, Repair repair);

}  // namespace sluice::vlm::image
