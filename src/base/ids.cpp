#include "base/ids.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/random.h"
#include "base/strings.h"

namespace sluice::base {
namespace {

std::array<std::byte, 16> make_uuid7_bytes() {
  // One system call per thread, not per id: ids are unique, not secret.
  thread_local Random random(secure_random_u64());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const std::uint64_t high = (ms << 16) | 0x7000 | (random.next() & 0x0FFF);
  const std::uint64_t low = (random.next() & 0x3FFFFFFFFFFFFFFFU) | 0x8000000000000000U;
  std::array<std::byte, 16> bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::byte>(low >> (56 - 8 * i));
  }
  return bytes;
}

}  // namespace

std::string make_uuid7() {
  std::string text = to_hex(make_uuid7_bytes());
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

std::string make_id(std::string_view prefix) {
  std::string id(prefix);
  id += to_hex(make_uuid7_bytes());
  return id;
}

}  // namespace sluice::base
