#include "hub/access/pepper.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "base/strings.h"
#include "hub/access/limits.h"

namespace sluice::hub::access {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kHexDigits = 2 * kPepperBytes;
static_assert(std::tuple_size_v<KeyDigest> == kPepperBytes);

struct Descriptor {
  explicit Descriptor(int number) : fd(number) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

KeyDigest random_secret() {
  KeyDigest secret;
  base::fill_with_secure_random(secret);
  return secret;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

base::Result<KeyDigest> parse_secret(const std::filesystem::path& file, std::string_view text) {
  const std::string_view digits = base::trim(text);
  if (digits.size() != kHexDigits)
    return fail(ErrorCode::corrupt_data, "{}: expected {} hex digits, found {} characters", file.string(),
                kHexDigits, digits.size());
  KeyDigest secret;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const int high = hex_value(digits[2 * i]);
    const int low = hex_value(digits[2 * i + 1]);
    if (high < 0 || low < 0)
      return fail(ErrorCode::corrupt_data, "{}: expected {} hex digits, found another character",
                  file.string(), kHexDigits);
    secret[i] = static_cast<std::byte>(high * 16 + low);
  }
  return secret;
}

// not_found when there is no such file.
base::Result<KeyDigest> read_secret(const std::filesystem::path& file) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.fd < 0)
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io_failed, "{}: {}", file.string(),
                std::strerror(errno));
  struct stat status{};
  if (::fstat(in.fd, &status) != 0)
    return fail(ErrorCode::io_failed, "{}: {}", file.string(), std::strerror(errno));
  if ((status.st_mode & 077) != 0)
    return fail(ErrorCode::forbidden, "{}: others may read it (mode {:o}): run chmod 600 on it",
                file.string(), status.st_mode & 0777);
  std::array<char, kHexDigits + 16> text;
  const ssize_t got = ::read(in.fd, text.data(), text.size());
  if (got < 0) return fail(ErrorCode::io_failed, "{}: {}", file.string(), std::strerror(errno));
  return parse_secret(file, {text.data(), static_cast<std::size_t>(got)});
}

// Writes beside the final name and links it there: whoever links first wins, and nobody reads half a file.
base::Status write_secret_once(const std::filesystem::path& file, const KeyDigest& secret) {
  const std::string draft = fmt::format("{}.{:016x}.draft", file.string(), base::secure_random_u64());
  const Descriptor out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.fd < 0) return fail(ErrorCode::io_failed, "{}: {}", draft, std::strerror(errno));
  const std::string text = base::to_hex(secret) + "\n";
  const bool written =
      ::write(out.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(out.fd) == 0;
  const int write_error = errno;
  const bool linked = written && (::link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int link_error = errno;
  ::unlink(draft.c_str());
  if (!linked)
    return fail(ErrorCode::io_failed, "{}: {}", file.string(),
                std::strerror(written ? link_error : write_error));
  return {};
}

// A keyed HMAC state per thread: keying and fetching the algorithm cost more than the digest itself.
class HmacState {
 public:
  HmacState() {
    EVP_MAC* algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    CHECK(algorithm != nullptr);
    context_ = EVP_MAC_CTX_new(algorithm);
    EVP_MAC_free(algorithm);
    CHECK(context_ != nullptr);
  }
  ~HmacState() { EVP_MAC_CTX_free(context_); }
  HmacState(const HmacState&) = delete;
  HmacState& operator=(const HmacState&) = delete;

  KeyDigest digest(const KeyDigest& secret, std::string_view text) {
    const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
    std::array<char, 7> name{"SHA256"};
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string("digest", name.data(), 0),
                                               OSSL_PARAM_construct_end()};
    // A null key starts over with the key that the state has.
    const bool keyed = has_key_ && secret == key_;
    CHECK(EVP_MAC_init(context_, keyed ? nullptr : key, keyed ? 0 : secret.size(),
                       keyed ? nullptr : parameters.data()) == 1);
    key_ = secret;
    has_key_ = true;
    KeyDigest out;
    std::size_t size = 0;
    CHECK(EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    CHECK(EVP_MAC_final(context_, reinterpret_cast<unsigned char*>(out.data()), &size, out.size()) == 1);
    CHECK(size == out.size());
    return out;
  }

 private:
  EVP_MAC_CTX* context_ = nullptr;
  KeyDigest key_{};
  bool has_key_ = false;
};

}  // namespace

Pepper::Pepper(const KeyDigest& secret) : secret_(secret) {
  const KeyDigest name = digest("which pepper is this");
  id_ = base::to_hex(std::span(name).first(8));
}

base::Result<Pepper> Pepper::load_or_create(const std::filesystem::path& file) {
  auto found = read_secret(file);
  if (!found && found.error().code == ErrorCode::not_found) {
    SLUICE_TRY_VOID(write_secret_once(file, random_secret()));
    found = read_secret(file);
  }
  if (!found) return fail(std::move(found).error());
  return Pepper(*found);
}

Pepper Pepper::random() {
  return Pepper(random_secret());
}

KeyDigest Pepper::digest(std::string_view key) const {
  thread_local HmacState state;
  return state.digest(secret_, key);
}

}  // namespace sluice::hub::access
