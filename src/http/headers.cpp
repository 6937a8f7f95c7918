#include "http/headers.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace sluice::http {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && base::equals_ignoring_case(a, b);
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return kToken[c]; });
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

Headers::Headers(std::initializer_list<Field> fields) {
  for (const Field& field : fields) add(field.name, field.value);
}

Headers::Field Headers::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  const std::string_view text = text_;
  return {text.substr(entry.name_at, entry.name_size), text.substr(entry.value_at, entry.value_size)};
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Field field : *this)
    if (same_name(field.name, name)) return field.value;
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const Entry& entry) {
    return same_name(std::string_view(text_).substr(entry.name_at, entry.name_size), name);
  }));
}

bool Headers::lists(std::string_view name, std::string_view token) const {
  for (const Field field : *this) {
    if (!same_name(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      if (base::equals_ignoring_case(base::trim(rest.substr(0, comma)), token)) return true;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return false;
}

void Headers::add(std::string_view name, std::string_view value) {
  // string::append copes with views into itself, so a field's value may be added under another name.
  Entry entry{};
  entry.name_at = static_cast<std::uint32_t>(text_.size());
  entry.name_size = static_cast<std::uint32_t>(name.size());
  entry.value_at = static_cast<std::uint32_t>(text_.size() + name.size());
  entry.value_size = static_cast<std::uint32_t>(value.size());
  const bool own = value.data() >= text_.data() && value.data() < text_.data() + text_.size();
  const std::size_t own_at = own ? static_cast<std::size_t>(value.data() - text_.data()) : 0;
  text_.append(name);
  if (own)
    text_.append(text_, own_at, value.size());
  else
    text_.append(value);
  entries_.push_back(entry);
}

void Headers::set(std::string_view name, std::string_view value) {
  // Entries go, their text stays until the Headers die: a name or value that is our own stays readable.
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return same_name(std::string_view(text_).substr(entry.name_at, entry.name_size), name);
  });
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  entries_.reserve(fields);
  text_.reserve(bytes);
}

}  // namespace sluice::http
