// What was learnt about credentials while they were used: keys that a provider refused lately and are passed
// over, and tokens that were minted. It lives longer than the configuration it was learnt under, so entries
// are kept by a credential's id. One loop's own; time is an argument.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "hub/credentials/credentials.h"

namespace sluice::hub::credentials {

class Memory {
 public:
  using TimePoint = std::chrono::system_clock::time_point;

  // Who pays for the request called `ticket`: in proportion to the weights, the same for the same ticket.
  // Keys set aside are passed over as long as another is left.
  const Credential& choose(const EnabledProvider& enabled, std::string_view ticket, TimePoint now) const;
  // The provider refused it with 401.
  void set_aside(const Credential& credential, TimePoint now);
  bool is_set_aside(const Credential& credential, TimePoint now) const;

  // A minted token that is still good for kTokenMargin.
  std::optional<std::string> token(const Credential& credential, TimePoint now) const;
  void keep_token(const Credential& credential, Token token, TimePoint now);
  void forget_token(const Credential& credential) { tokens_.erase(credential.id()); }

 private:
  std::map<std::string, TimePoint, std::less<>> set_aside_;  // id -> until
  std::map<std::string, Token, std::less<>> tokens_;
};

}  // namespace sluice::hub::credentials
