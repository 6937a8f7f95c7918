// A JSON value inside a text that was already scanned, read with names and types checked: every error names
// the parameter by its path ("messages.0.content") and what was found instead. Values keep their bytes, so
// that a schema or a number can be handed on as it came.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hub/dialects/json_scanner.h"

namespace sluice::hub::dialects {

[[nodiscard]] std::unexpected<base::Error> refuse_parameter(std::string_view path, std::string message);

class JsonView {
 public:
  // `text` is one valid JSON value without white space around it.
  JsonView(std::string_view text, std::string path);

  JsonType type() const { return type_; }
  bool is_null() const { return type_ == JsonType::null; }
  std::string_view text() const { return text_; }
  const std::string& path() const { return path_; }

  // "'messages.0.role' must be a string, not a number"
  std::unexpected<base::Error> refuse(std::string_view expected) const;

  base::Result<std::string> string() const;
  base::Result<bool> boolean() const;
  base::Result<double> decimal(double least, double most) const;
  base::Result<std::int64_t> integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  base::Result<std::uint32_t> count(std::uint32_t least, std::uint32_t most) const;

  // Calls `visit` for each member in order; an error of it ends the walk. Members that are null count as
  // absent and are not shown.
  using MemberVisitor = std::function<base::Status(const std::string& name, const JsonView& value)>;
  base::Status each_member(const MemberVisitor& visit) const;
  using ElementVisitor = std::function<base::Status(const JsonView& value)>;
  base::Status each_element(const ElementVisitor& visit) const;
  // Reads the members that are strings into the fields named; other members are passed over.
  base::Status read_texts(std::initializer_list<std::pair<std::string_view, std::string*>> fields) const;

 private:
  std::string_view text_;
  JsonType type_;
  std::string path_;
};

}  // namespace sluice::hub::dialects
