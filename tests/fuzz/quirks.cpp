// Any bytes as a request, under any choice of quirks: what comes out scans again, to the same model and as
// many messages, or the request is refused with a reason.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "hub/dialects/dialect.h"
#include "hub/dialects/splicer.h"

namespace {

using namespace sluice;
using namespace sluice::hub;

void require(bool condition) {
  if (!condition) std::abort();
}

// Every quirk there is; what it takes, in words that seeds use.
std::vector<catalog::Quirk> all_quirks() {
  std::vector<catalog::Quirk> quirks;
  for (const dialects::QuirkRow& row : dialects::all_quirks()) {
    catalog::Quirk quirk;
    quirk.name = row.name;
    if (row.has_parameter) quirk.parameter = row.apply != nullptr ? "store" : "role";
    if (row.has_to) quirk.to = "other";
    if (row.has_values) quirk.values = {{"developer", "system"}, {"a", "b"}};
    require(dialects::refuse_quirk(quirk).empty());
    quirks.push_back(std::move(quirk));
  }
  return quirks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  static const auto kAll = all_quirks();
  static const auto& kFront = *dialects::find_dialect("openai")->downstream;
  const unsigned chosen = data[0] | data[1] << 8;
  catalog::Surface surface;
  for (std::size_t i = 0; i < kAll.size(); ++i)
    if ((chosen >> i & 1) != 0) surface.quirks.push_back(kAll[i]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto scanned = kFront.scan(tasks::Kind::chat, http::Slice::copy_of(text));
  if (!scanned) return 0;
  const auto spliced = dialects::splice_request(*scanned, surface, "served/id", true);
  if (!spliced) {
    require(!spliced.error().message.empty());
    return 0;
  }
  const auto again = kFront.scan(tasks::Kind::chat, http::flatten(spliced->body));
  require(again.has_value());
  require(again->model == "served/id" && again->stream == scanned->stream);
  require(again->messages == scanned->messages);
  return 0;
}
