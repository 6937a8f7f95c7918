// Speaks to the Hub: lists a repository, opens a file from a byte on. Redirects are followed; the token goes
// to the Hub's own origin and nowhere else, and never from https to http. One HubClient a loop.
//
// Errors: unavailable when the Hub cannot be reached or must not be (says which), unauthenticated and
// forbidden for a repository behind terms or a token that is wrong, not_found by name, rate_limited,
// upstream_failed for what may work when tried again.
#pragma once

#include <optional>
#include <string>

#include "app/huggingface/listing.h"
#include "app/huggingface/model_name.h"
#include "app/huggingface/settings.h"
#include "net/client.h"

namespace sluice::app::huggingface {

class HubClient {
 public:
  HubClient(net::Loop& loop, const Settings& settings, net::ClientOptions options)
      : settings_(settings), client_(loop, std::move(options)) {}

  net::Task<base::Result<Listing>> list(ModelName name, net::Cancel& cancel);

  struct Opened {
    net::ClientResponse response;  // 200 or 206
    http::Url at;                  // who gives it; as good as the Hub's own address until it expires
  };
  // `from_end` is exclusive. `at`: as an earlier answer gave it. `cancel` must outlive the response.
  net::Task<base::Result<Opened>> open(std::string target, std::optional<http::Url> at, std::uint64_t from,
                                       std::uint64_t end, net::Cancel& cancel);

  // Path of one file of a commit, for open().
  std::string target_of(const std::string& repository, const std::string& commit,
                        const std::string& path) const;
  bool is_endpoint(const http::Url& url) const { return url.origin() == settings_.endpoint.origin(); }

 private:
  net::Task<base::Result<Opened>> get(http::Url url, http::Headers headers, net::Cancel& cancel);
  base::Error explain(const http::ResponseHead& head, const ModelName& name) const;
  base::Error explain_unreached(const base::Error& error) const;

  const Settings& settings_;
  net::Client client_;
};

// A segment or a whole path ("/" kept) as an address carries it.
std::string escape_path(std::string_view path, bool keep_slashes);
// Where `location` leads from `from`; invalid_argument for what is no http address or falls back from https.
base::Result<http::Url> follow(const http::Url& from, std::string_view location);

}  // namespace sluice::app::huggingface
