// The text form of a provider. The readers are strict: a key nobody reads is an error with a near name.
#include <simdjson.h>

#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/provider.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;
using base::Status;
using simdjson::dom::element;

// One key of an object and what reads its value.
struct Field {
  std::string_view name;
  bool required;
  std::function<Status(element value, const std::string& where)> read;
};

std::unexpected<base::Error> refuse(const std::string& where, std::string_view problem) {
  return base::fail(ErrorCode::invalid_argument, "{}: {}", where, problem);
}

Status read_object(element value, const std::string& where, const std::vector<Field>& fields) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return refuse(where, "expected an object");
  std::vector<std::string_view> seen;
  for (const auto [key, member] : object) {
    const auto field = std::ranges::find(fields, key, &Field::name);
    if (field == fields.end()) {
      std::vector<std::string> known;
      for (const Field& one : fields) known.emplace_back(one.name);
      const auto near = base::near_names(key, known, 1);
      return refuse(where,
                    fmt::format("unknown key '{}'{}", key,
                                near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front())));
    }
    if (std::ranges::find(seen, key) != seen.end())
      return refuse(where, fmt::format("'{}' is given twice", key));
    seen.push_back(field->name);
    SLUICE_TRY_VOID(field->read(member, fmt::format("{}/{}", where, key)));
  }
  for (const Field& field : fields) {
    if (field.required && std::ranges::find(seen, field.name) == seen.end()) {
      return refuse(where, fmt::format("'{}' is missing", field.name));
    }
  }
  return {};
}

auto text_into(std::string& out) {
  return [&out](element value, const std::string& where) -> Status {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return refuse(where, "expected a string");
    out = std::string(text);
    return {};
  };
}

auto flag_into(bool& out) {
  return [&out](element value, const std::string& where) -> Status {
    if (value.get(out) != simdjson::SUCCESS) return refuse(where, "expected true or false");
    return {};
  };
}

template <typename Read>
Status read_array(element value, const std::string& where, Read read) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return refuse(where, "expected an array");
  std::size_t index = 0;
  for (const element item : array) SLUICE_TRY_VOID(read(item, fmt::format("{}/{}", where, index++)));
  return {};
}

Status read_auth(element value, const std::string& where, Auth& auth) {
  std::string kind;
  const auto read_env = [&auth](element list, const std::string& at) {
    return read_array(list, at, [&auth](element item, const std::string& here) {
      return text_into(auth.env.emplace_back())(item, here);
    });
  };
  SLUICE_TRY_VOID(read_object(value, where,
                              {{"kind", true, text_into(kind)},
                               {"header", false, text_into(auth.header)},
                               {"scheme", false, text_into(auth.scheme)},
                               {"env", false, read_env},
                               {"only_by_name", false, flag_into(auth.only_by_name)}}));
  if (kind != "header" && kind != "none") return refuse(where + "/kind", "expected 'header' or 'none'");
  auth.kind = kind == "header" ? Auth::Kind::header : Auth::Kind::none;
  if ((auth.kind == Auth::Kind::header) == auth.header.empty()) {
    return refuse(where, "'header' belongs to kind 'header', and only to it");
  }
  for (const std::string& name : auth.env) {
    if (name.empty() || name.ends_with("_BASE_URL")) {
      return refuse(where + "/env", fmt::format("'{}' is no variable that holds a secret", name));
    }
  }
  return {};
}

Status read_paths(element value, const std::string& where, std::map<tasks::Kind, std::string>& paths) {
  std::vector<Field> fields;
  for (std::size_t i = 0; i < tasks::kKindNames.size(); ++i) {
    const auto kind = static_cast<tasks::Kind>(i);
    fields.push_back(
        {tasks::name_of(kind), false, [&paths, kind](element item, const std::string& at) -> Status {
           SLUICE_TRY_VOID(text_into(paths[kind])(item, at));
           if (!paths[kind].starts_with('/')) return refuse(at, "expected a path that begins with '/'");
           return {};
         }});
  }
  return read_object(value, where, fields);
}

Status read_quirk(element value, const std::string& where, std::vector<Quirk>& quirks) {
  Quirk& quirk = quirks.emplace_back();
  return read_object(value, where,
                     {{"name", true, text_into(quirk.name)},
                      {"parameter", true, text_into(quirk.parameter)},
                      {"to", false, text_into(quirk.to)}});
}

Status read_policy(element value, const std::string& where, DataPolicy& policy) {
  return read_object(value, where,
                     {{"retains", true, flag_into(policy.retains)},
                      {"trains", true, flag_into(policy.trains)},
                      {"source", true, text_into(policy.source)},
                      {"date", true, text_into(policy.date)}});
}

Status check(const Provider& provider, const std::string& where) {
  if (std::string problem = refuse_provider_id(provider.id); !problem.empty())
    return refuse(where + "/id", problem);
  if (std::string problem = refuse_base_url(provider.base_url); !problem.empty()) {
    return refuse(where + "/base_url", problem);
  }
  if (provider.paths.empty()) return refuse(where + "/paths", "expected at least one");
  if (!provider.models_path.empty() && !provider.models_path.starts_with('/')) {
    return refuse(where + "/models_path", "expected a path that begins with '/'");
  }
  const DataPolicy& policy = provider.data_policy;
  if (policy.source == "unknown" && (!policy.retains || !policy.trains)) {
    return refuse(where + "/data_policy", "what is unknown counts as retained and trained on");
  }
  if (policy.date.size() != 10 || policy.date[4] != '-' || policy.date[7] != '-') {
    return refuse(where + "/data_policy/date", "expected YYYY-MM-DD");
  }
  return {};
}

}  // namespace

base::Result<Provider> parse_provider(std::string_view json, std::string_view where) {
  const std::string place(where);
  if (json.size() > kProviderFileBytesMax) {
    return base::fail(ErrorCode::too_large, "{}: expected at most {} bytes, found {}", where,
                      kProviderFileBytesMax, json.size());
  }
  simdjson::dom::parser parser;
  element root;
  if (const auto code = parser.parse(json.data(), json.size()).get(root); code != simdjson::SUCCESS) {
    return refuse(place, fmt::format("not JSON: {}", simdjson::error_message(code)));
  }
  Provider provider;
  std::string usage = "when_asked";
  const auto read_quirks = [&provider](element list, const std::string& at) {
    return read_array(list, at, [&provider](element item, const std::string& here) {
      return read_quirk(item, here, provider.quirks);
    });
  };
  SLUICE_TRY_VOID(read_object(
      root, place,
      {{"id", true, text_into(provider.id)},
       {"name", true, text_into(provider.name)},
       {"base_url", true, text_into(provider.base_url)},
       {"dialect", true, text_into(provider.dialect)},
       {"auth", true,
        [&](element value, const std::string& at) { return read_auth(value, at, provider.auth); }},
       {"paths", true,
        [&](element value, const std::string& at) { return read_paths(value, at, provider.paths); }},
       {"models_path", false, text_into(provider.models_path)},
       {"quirks", false, read_quirks},
       {"stream_usage", false, text_into(usage)},
       {"data_policy", true,
        [&](element value, const std::string& at) { return read_policy(value, at, provider.data_policy); }},
       {"local", false, flag_into(provider.local)},
       {"uncertain", false, flag_into(provider.uncertain)},
       {"notes", false, text_into(provider.notes)}}));
  if (usage != "when_asked" && usage != "always") {
    return refuse(place + "/stream_usage", "expected 'when_asked' or 'always'");
  }
  provider.stream_usage = usage == "always" ? StreamUsage::always : StreamUsage::when_asked;
  SLUICE_TRY_VOID(check(provider, place));
  return provider;
}

}  // namespace sluice::hub::catalog
