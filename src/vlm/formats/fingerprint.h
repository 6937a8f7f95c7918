// Identity of a model file, cheap enough to take at every load: XXH3-128 over the parts it is fed. What a
// reader feeds is said at TensorFile::fingerprint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sluice::vlm::formats {

class Fingerprint {
 public:
  // How much of either end of a tensor counts.
  static constexpr std::size_t kEndBytes = 4096;

  Fingerprint();
  ~Fingerprint();

  void add(std::span<const std::byte> bytes);
  void add_number(std::uint64_t number);
  void add_ends(std::span<const std::byte> tensor);  // its first and last kEndBytes, or all of it
  std::string hex() const;                           // 32 digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::vlm::formats
