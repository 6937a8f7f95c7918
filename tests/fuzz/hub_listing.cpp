// Any bytes as the Hub's listing of a repository: refused, or every file chosen stays below its folder.
#include <cstdint>
#include <cstdlib>

#include "app/huggingface/choose_files.h"
#include "app/huggingface/model_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::app::huggingface;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = parse_model_name(text);
  if (name && !is_safe_path(name->revision)) std::abort();
  (void)quant_of(text);
  const auto listing = parse_listing(text, "fuzz");
  if (!listing) return listing.error().message.starts_with("fuzz") ? 0 : (std::abort(), 0);
  if (!is_commit(listing->commit)) std::abort();
  for (const RemoteFile& file : listing->files)
    if (!is_safe_path(file.path) || file.hash.find('/') != std::string::npos) std::abort();
  (void)choose_files(*listing, "org/name", "");
  (void)choose_files(*listing, "org/name", "Q8_0");
  return 0;
}
