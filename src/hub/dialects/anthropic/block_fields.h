// The members of one JSON object of a request, at hand by name. Borrows the request's text.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hub/dialects/json_view.h"

namespace sluice::hub::dialects::anthropic {

class BlockFields {
 public:
  // Refuses what is no object. Members that are null count as absent.
  static base::Result<BlockFields> of(const JsonView& object);

  const JsonView& view() const { return view_; }
  const JsonView* find(std::string_view name) const;                // nullptr when absent
  base::Result<const JsonView*> need(std::string_view name) const;  // refused when absent
  std::span<const std::pair<std::string, JsonView>> members() const { return members_; }
  bool has_only(std::initializer_list<std::string_view> names) const;

  base::Result<std::string> text(std::string_view name) const;       // empty when absent
  base::Result<std::string> need_text(std::string_view name) const;  // refused when absent
  base::Result<std::optional<bool>> flag(std::string_view name) const;
  // `cache_control` as the hub says it: "5m", "1h", or empty when absent.
  base::Result<std::string> cache() const;

 private:
  explicit BlockFields(const JsonView& view) : view_(view) {}

  JsonView view_;
  std::vector<std::pair<std::string, JsonView>> members_;
};

}  // namespace sluice::hub::dialects::anthropic
