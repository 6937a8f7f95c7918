// Reading a client's request for routing, whatever its dialect: one forward pass over the top-level
// parameters, with the hub's own ones (`model`, `stream`, `provider`, `models`) read alike everywhere. A
// dialect derives, names the parameters it reads, and takes them in dispatch().
//
// One object per request; errors name position or parameter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects {

class RequestScan {
 public:
  RequestScan(tasks::Kind kind, http::Slice body);
  virtual ~RequestScan() = default;
  RequestScan(const RequestScan&) = delete;
  RequestScan& operator=(const RequestScan&) = delete;

  base::Result<ScannedRequest> run();

 protected:
  // The parameters that the dialect reads, beside the hub's own. One of these must not come twice, nor spelt
  // in other letters' case: some servers match keys without case, and "Model" would name another model there
  // than the one routed here. Quirks may edit other parameters, and edit every occurrence.
  virtual std::span<const std::string_view> routed() const = 0;
  // The scanner stands before the value of `name`, which is of `type`; takes or skips it.
  virtual base::Status dispatch(std::string_view name, JsonType type) = 0;
  // After the last parameter: what must be there, what follows from several.
  virtual base::Status conclude() = 0;

  // For dispatch(). Null counts as absent in all of these.
  base::Status skip();
  base::Status take_flag(std::string_view name, JsonType type, bool& flag);
  base::Status take_count(std::string_view name, JsonType type, std::uint64_t least, std::uint64_t most,
                          std::optional<std::uint64_t>& count);
  base::Status take_list_presence(std::string_view name, JsonType type, bool& present);
  // Walks an array of turns: counts them in found_.messages, and shows every part of every `content` list
  // to note_part(). `content` is the key that holds a turn's parts.
  base::Status take_turns(std::string_view name, JsonType type, std::string_view content = "content");
  // The `type` of a part of a turn, for found_.has_images and its like.
  virtual void note_part(std::string_view type);
  // Refuses a request without the parameter.
  base::Status require(std::string_view name) const;

  // Steps over a null or fails when something else than `wanted` comes.
  base::Status take_null_or(std::string_view name, std::string_view expected, JsonType type, JsonType wanted);
  std::string_view text(Span span) const { return span.in(found_.body.text()); }
  std::unexpected<base::Error> malformed() const { return std::unexpected(scanner_.error()); }
  static std::unexpected<base::Error> refuse(std::string_view parameter, std::string message,
                                             base::ErrorCode code = base::ErrorCode::invalid_argument);
  static std::unexpected<base::Error> refuse_type(std::string_view parameter, std::string_view expected,
                                                  JsonType found);

  ScannedRequest found_;
  JsonScanner scanner_;

 private:
  std::string_view routed_name(std::string_view name) const;
  base::Status take_parameter(std::string name, Span key);
  base::Status take_model(JsonType type);
  base::Status take_turn(std::string_view list, std::string_view content);
  base::Status take_part();
  base::Status take_provider(JsonType type);
};

}  // namespace sluice::hub::dialects
