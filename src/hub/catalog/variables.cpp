#include "hub/catalog/variables.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;
using base::Status;

void replace_all(std::string& text, const std::string& hole, std::string_view value) {
  for (std::size_t at = text.find(hole); at != std::string::npos; at = text.find(hole, at + value.size())) {
    text.replace(at, hole.size(), value);
  }
}

std::string hole_of(std::string_view name) {
  return fmt::format("{{{}}}", name);
}

// Every text of the provider that may hold a variable.
template <typename Visit>
void visit_texts(Provider& provider, Visit visit) {
  for (Surface& surface : provider.surfaces) {
    visit(surface.base_url);
    for (auto& [kind, path] : surface.paths) visit(path);
    for (auto& [kind, path] : surface.stream_paths) visit(path);
    for (auto& [name, value] : surface.headers) visit(value);
  }
  visit(provider.models_path);
}

// Letters, digits and what hosts, versions and project ids are made of: nothing that ends a host or a path.
std::string refuse_value(std::string_view value) {
  if (value.empty()) return "it is empty";
  if (value.size() > kVariableBytesMax) {
    return fmt::format("it has {} bytes, expected at most {}", value.size(), kVariableBytesMax);
  }
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  };
  if (!std::ranges::all_of(value, is_plain)) return "expected letters, digits, '-', '_', '.' and ':' only";
  if (value.contains("..") || value.starts_with('.')) return "expected no empty part between dots";
  return "";
}

std::optional<std::string> value_in(const Environment& environment, const Variable& variable) {
  if (!environment) return std::nullopt;
  for (const std::string& name : variable.env) {
    const auto found = environment(name);
    if (!found) continue;
    std::string value(base::trim(*found));
    if (refuse_value(value).empty()) return value;
  }
  return std::nullopt;
}

Status check_given(const Provider& provider, const std::map<std::string, std::string>& given) {
  for (const auto& [name, value] : given) {
    const std::string where = fmt::format("providers.{}.variables.{}", provider.id, name);
    if (!provider.variables.contains(name)) {
      std::vector<std::string> known;
      for (const auto& [one, variable] : provider.variables) known.push_back(one);
      return base::fail(ErrorCode::invalid_argument, "{}: no such variable; {} has {}", where, provider.id,
                        known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
    }
    if (const std::string problem = refuse_value(value); !problem.empty()) {
      return base::fail(ErrorCode::invalid_argument, "{}: {}", where, problem);
    }
  }
  return {};
}

bool needs(Provider& provider, const std::string& name) {
  bool found = false;
  const std::string hole = hole_of(name);
  visit_texts(provider, [&](const std::string& text) { found |= text.contains(hole); });
  return found;
}

}  // namespace

std::string unknown_variable_in(std::string_view text, const Provider& provider, std::string_view besides) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    const std::string name(text.substr(at + 1, end == std::string_view::npos ? end : end - at - 1));
    if (name != besides && !provider.variables.contains(name)) return hole_of(name);
  }
  return "";
}

std::string with_plain_values(std::string_view text, const Provider& provider) {
  std::string out(text);
  for (const auto& [name, variable] : provider.variables) replace_all(out, hole_of(name), "x");
  return out;
}

Status fill_in_one(Provider& provider, const std::string& name, const std::string& value) {
  if (const std::string problem = refuse_value(value); !problem.empty()) {
    return base::fail(ErrorCode::invalid_argument, "{} of provider {}: {}", name, provider.id, problem);
  }
  visit_texts(provider, [&](std::string& text) { replace_all(text, hole_of(name), value); });
  std::erase(provider.unresolved, name);
  return {};
}

Status fill_in(Provider& provider, const std::map<std::string, std::string>& given,
               const Environment& environment) {
  SLUICE_TRY_VOID(check_given(provider, given));
  // What a default names is filled in after it.
  for (const auto& [name, variable] : provider.variables) {
    if (given.contains(name) || value_in(environment, variable) || !variable.fallback) continue;
    visit_texts(provider, [&](std::string& text) { replace_all(text, hole_of(name), *variable.fallback); });
  }
  for (const auto& [name, variable] : provider.variables) {
    const auto own = given.find(name);
    const auto value = own != given.end() ? std::optional(own->second) : value_in(environment, variable);
    if (value) {
      SLUICE_TRY_VOID(fill_in_one(provider, name, *value));
    } else if (needs(provider, name)) {
      provider.unresolved.push_back(name);
    }
  }
  return {};
}

}  // namespace sluice::hub::catalog
