// Appends JSON to a string: the writer behind every reply, log line and report. It escapes what it is
// given and places commas; the caller balances objects and arrays (DCHECKed). Text that is not valid UTF-8
// is written with U+FFFD in place of each bad byte, so that the output is always valid JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::base {

void append_json_string(std::string& out, std::string_view text);  // with the quotes

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& number(double value);  // NaN and infinities become null: JSON has none
  JsonWriter& number(std::integral auto value) {
    if constexpr (std::is_signed_v<decltype(value)>)
      return signed_number(value);
    else
      return unsigned_number(value);
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& raw(std::string_view json);  // already JSON, one value

  // key and value in one go
  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }
  JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, std::integral auto value) { return key(name).number(value); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& signed_number(std::int64_t value);
  JsonWriter& unsigned_number(std::uint64_t value);
  void separate();

  std::string& out_;
  bool comma_ = false;  // a comma is due before the next value
};

}  // namespace sluice::base
