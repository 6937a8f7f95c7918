#include "vlm/formats/fingerprint.h"

#include <xxhash.h>

#include <array>

#include "base/check.h"
#include "base/strings.h"

namespace sluice::vlm::formats {

struct Fingerprint::State {
  XXH3_state_t* hash = XXH3_createState();
  ~State() { XXH3_freeState(hash); }
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {
  CHECK(state_->hash != nullptr);
  XXH3_128bits_reset(state_->hash);
}
Fingerprint::~Fingerprint() = default;

void Fingerprint::add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(state_->hash, bytes.data(), bytes.size());
}

void Fingerprint::add_number(std::uint64_t number) {
  add(std::as_bytes(std::span(&number, 1)));
}

void Fingerprint::add_ends(std::span<const std::byte> tensor) {
  if (tensor.size() <= 2 * kEndBytes) return add(tensor);
  add(tensor.first(kEndBytes));
  add(tensor.last(kEndBytes));
}

std::string Fingerprint::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->hash));
  return base::to_hex(std::as_bytes(std::span(canonical.digest)));
}

}  // namespace sluice::vlm::formats
