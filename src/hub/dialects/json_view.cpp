#include "hub/dialects/json_view.h"

#include <charconv>

namespace sluice::hub::dialects {
namespace {

template <typename Number>
bool parse_whole(std::string_view text, Number& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::unexpected<base::Error> refuse_parameter(std::string_view path, std::string message) {
  return base::fail(base::Error{.code = base::ErrorCode::invalid_argument,
                                .message = std::move(message),
                                .parameter = std::string(path)});
}

JsonView::JsonView(std::string_view text, std::string path)
    : text_(text), type_(JsonScanner(text).peek()), path_(std::move(path)) {}

std::unexpected<base::Error> JsonView::refuse(std::string_view expected) const {
  return refuse_parameter(path_, fmt::format("'{}' must be {}, not {}", path_, expected, name_of(type_)));
}

base::Result<std::string> JsonView::string() const {
  if (type_ != JsonType::string) return refuse("a string");
  return unescape_json(text_);
}

base::Result<bool> JsonView::boolean() const {
  if (type_ != JsonType::boolean) return refuse("a boolean");
  return text_.front() == 't';
}

base::Result<double> JsonView::decimal(double least, double most) const {
  if (type_ != JsonType::number) return refuse("a number");
  double number = 0;
  if (!parse_whole(text_, number) || number < least || number > most) {
    return refuse_parameter(path_, fmt::format("'{}' must be a number from {} to {}, not {}", path_, least,
                                               most, text_.substr(0, 40)));
  }
  return number;
}

base::Result<std::int64_t> JsonView::integer(std::int64_t least, std::int64_t most) const {
  if (type_ != JsonType::number) return refuse("an integer");
  std::int64_t number = 0;
  if (!parse_whole(text_, number) || number < least || number > most) {
    return refuse_parameter(path_, fmt::format("'{}' must be an integer from {} to {}, not {}", path_, least,
                                               most, text_.substr(0, 40)));
  }
  return number;
}

base::Result<std::uint32_t> JsonView::count(std::uint32_t least, std::uint32_t most) const {
  SLUICE_TRY(const std::int64_t number, integer(least, most));
  return static_cast<std::uint32_t>(number);
}

base::Status JsonView::each_member(const MemberVisitor& visit) const {
  if (type_ != JsonType::object) return refuse("an object");
  JsonScanner scanner(text_);
  scanner.enter_object();
  while (const auto key = scanner.next_key()) {
    const std::string name = unescape_json(text_.substr(key->begin - 1, key->size() + 2));
    const std::string_view value = scanner.take_value().in(text_);
    if (scanner.failed()) return std::unexpected(scanner.error());
    const JsonView member(value, path_.empty() ? name : path_ + "." + name);
    if (!member.is_null()) SLUICE_TRY_VOID(visit(name, member));
  }
  return {};
}

base::Status JsonView::each_element(const ElementVisitor& visit) const {
  if (type_ != JsonType::array) return refuse("an array");
  JsonScanner scanner(text_);
  scanner.enter_array();
  for (std::size_t index = 0; scanner.next_element(); ++index) {
    const std::string_view value = scanner.take_value().in(text_);
    if (scanner.failed()) return std::unexpected(scanner.error());
    SLUICE_TRY_VOID(visit(JsonView(value, fmt::format("{}.{}", path_, index))));
  }
  return {};
}

base::Status JsonView::read_texts(
    std::initializer_list<std::pair<std::string_view, std::string*>> fields) const {
  return each_member([&](const std::string& name, const JsonView& value) -> base::Status {
    for (const auto& [wanted, field] : fields) {
      if (name != wanted) continue;
      SLUICE_TRY(*field, value.string());
    }
    return {};
  });
}

}  // namespace sluice::hub::dialects
