// The caller of a drill: sends one chat request to a gateway and says what it got, in words that do not
// depend on which gateway it was. Reads answers by itself; it shares no code with the hub's dialects.
#pragma once

#include <optional>
#include <string>

#include "app/drill/scenario.h"
#include "net/client.h"

namespace sluice::app::drill {

struct Request {
  http::Url url;  // of the gateway's chat endpoint
  std::string key;
  std::string model;
  std::string mark;  // the text of its one message
  std::string body;  // members added, each with a comma in front
  bool stream = false;
  Caller caller = Caller::plain;
  milliseconds patience{15'000};
  milliseconds leave_after{300};  // of callers that leave before anything came
};

struct Got {
  // What a caller can tell apart. `silent_cut`: broke off without a word; `false_end`: ended as if whole,
  // with words missing (only who knows the right answer can tell); both are what must not be.
  enum class End : std::uint8_t { whole, told_cut, silent_cut, error, left, nothing };
  End end = End::nothing;
  int status = 0;
  int calls = 1;         // of a client library that retries
  std::string text;      // of the answer
  std::string message;   // of an error, or how the connection ended
  std::string provider;  // x-inference-provider
  bool says_no_retry = false;
  net::TimePoint began{}, ended{};
  std::optional<net::TimePoint> left;
};

std::string_view name_of(Got::End end);

// On the current loop, which is the client's.
net::Task<Got> call(net::Client& client, Request request);

}  // namespace sluice::app::drill
