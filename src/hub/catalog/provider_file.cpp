// The text form of a provider. The readers are strict: a key nobody reads is an error with a near name.
#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "http/headers.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/provider.h"
#include "hub/catalog/strict_json.h"
#include "hub/catalog/variables.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;
using base::Status;
using simdjson::dom::element;

constexpr std::pair<std::string_view, Auth::Kind> kAuthKinds[] = {
    {"header", Auth::Kind::header},
    {"service_account", Auth::Kind::service_account},
    {"none", Auth::Kind::none},
};

Status read_auth(element value, const std::string& where, Auth& auth) {
  std::string kind;
  SLUICE_TRY_VOID(read_object(value, where,
                              {{"kind", true, text_into(kind)},
                               {"header", false, text_into(auth.header)},
                               {"scheme", false, text_into(auth.scheme)},
                               {"env", false, texts_into(auth.env)},
                               {"only_by_name", false, flag_into(auth.only_by_name)}}));
  const auto known = std::ranges::find(kAuthKinds, kind, [](const auto& one) { return one.first; });
  if (known == std::end(kAuthKinds)) {
    return refuse_at(where + "/kind", "expected 'header', 'service_account' or 'none'");
  }
  auth.kind = known->second;
  if ((auth.kind == Auth::Kind::none) != auth.header.empty()) {
    return refuse_at(where, "'header' belongs to kinds 'header' and 'service_account', and only to them");
  }
  if (!auth.scheme.empty() && !http::is_token(auth.scheme)) {
    return refuse_at(where + "/scheme", "expected one word, such as 'Bearer'");
  }
  for (const std::string& name : auth.env) {
    if (name.empty() || name.ends_with("_BASE_URL")) {
      return refuse_at(where + "/env", fmt::format("'{}' is no variable that holds a secret", name));
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
           if (!paths[kind].starts_with('/')) return refuse_at(at, "expected a path that begins with '/'");
           return {};
         }});
  }
  return read_object(value, where, fields);
}

Status read_quirk(element value, const std::string& where, std::vector<Quirk>& quirks) {
  Quirk& quirk = quirks.emplace_back();
  const auto read_values = [&quirk](element map, const std::string& at) {
    return read_map(map, at, [&quirk](const std::string& from, element to, const std::string& here) {
      return text_into(quirk.values[from])(to, here);
    });
  };
  return read_object(value, where,
                     {{"name", true, text_into(quirk.name)},
                      {"parameter", false, text_into(quirk.parameter)},
                      {"to", false, text_into(quirk.to)},
                      {"values", false, read_values}});
}

Status read_variables(element value, const std::string& where, std::map<std::string, Variable>& variables) {
  return read_map(value, where, [&](const std::string& name, element one, const std::string& at) {
    Variable& variable = variables[name];
    return read_object(one, at,
                       {{"env", false, texts_into(variable.env)},
                        {"default", false, [&](element text, const std::string& here) {
                           return text_into(variable.fallback.emplace())(text, here);
                         }}});
  });
}

Status read_capabilities(element value, const std::string& where, Capabilities& out) {
  return read_object(value, where,
                     {{"images", false, known_into(out.images)},
                      {"audio", false, known_into(out.audio)},
                      {"documents", false, known_into(out.documents)},
                      {"tools", false, known_into(out.tools)},
                      {"structured_output", false, known_into(out.structured_output)}});
}

Status read_answer(element value, const std::string& where, AnswerFacts& out) {
  return read_object(value, where,
                     {{"stream_end", false, text_into(out.stream_end)},
                      {"usage_at", false, text_into(out.usage_at)},
                      {"reasoning", false, text_into(out.reasoning)},
                      {"errors", false, texts_into(out.errors)}});
}

Status read_check(element value, const std::string& where, TestCall& out) {
  const auto price_into = [](base::NanoUsd& price) {
    return [&price](element one, const std::string& at) -> Status {
      if (one.get(price.nanos) != simdjson::SUCCESS || price.nanos < 0)
        return refuse_at(at, "expected nano-USD");
      return {};
    };
  };
  return read_object(value, where,
                     {{"model", true, text_into(out.model)},
                      {"input_nano_usd_per_million", true, price_into(out.input_per_million)},
                      {"output_nano_usd_per_million", true, price_into(out.output_per_million)},
                      {"date", true, text_into(out.date)}});
}

Status read_stream_usage(element value, const std::string& where, StreamUsage& out) {
  std::string text;
  SLUICE_TRY_VOID(text_into(text)(value, where));
  if (text != "when_asked" && text != "always") return refuse_at(where, "expected 'when_asked' or 'always'");
  out = text == "always" ? StreamUsage::always : StreamUsage::when_asked;
  return {};
}

// The keys of a surface; the first one's stand beside the provider's own, the others' under "also".
std::vector<Field> fields_of(Surface& surface, bool is_first) {
  const auto read_quirks = [&surface](element list, const std::string& at) {
    return read_array(list, at, [&surface](element item, const std::string& here) {
      return read_quirk(item, here, surface.quirks);
    });
  };
  const auto read_headers = [&surface](element map, const std::string& at) {
    return read_map(map, at, [&surface](const std::string& name, element one, const std::string& here) {
      return text_into(surface.headers.emplace_back(name, "").second)(one, here);
    });
  };
  return {
      {"dialect", true, text_into(surface.dialect)},
      {"base_url", is_first, text_into(surface.base_url)},
      {"paths", true,
       [&surface](element map, const std::string& at) { return read_paths(map, at, surface.paths); }},
      {"stream_paths", false,
       [&surface](element map, const std::string& at) { return read_paths(map, at, surface.stream_paths); }},
      {"headers", false, read_headers},
      {"quirks", false, read_quirks},
      {"extensions", false, texts_into(surface.extensions)},
      {"stream_usage", false, [&surface](element text, const std::string& at) {
         return read_stream_usage(text, at, surface.stream_usage);
       }}};
}

Status read_also(element value, const std::string& where, Provider& provider) {
  return read_array(value, where, [&provider](element item, const std::string& at) -> Status {
    Surface surface;
    SLUICE_TRY_VOID(read_object(item, at, fields_of(surface, false)));
    provider.surfaces.push_back(std::move(surface));
    return {};
  });
}

Status read_policy(element value, const std::string& where, DataPolicy& policy) {
  return read_object(value, where,
                     {{"retains", true, flag_into(policy.retains)},
                      {"trains", true, flag_into(policy.trains)},
                      {"source", true, text_into(policy.source)},
                      {"date", true, text_into(policy.date)}});
}

// Every "{variable}" of the provider's texts must be one it declares; only paths may hold the model.
Status check_variables(const Provider& provider, const Surface& surface, const std::string& where) {
  constexpr std::string_view kModel = "model";
  std::vector<std::pair<std::string, std::string>> texts = {{"/base_url", surface.base_url}};
  for (const auto& [name, value] : surface.headers) texts.emplace_back("/headers/" + name, value);
  for (const auto& [name, variable] : provider.variables) {
    texts.emplace_back("/variables/" + name, variable.fallback.value_or(""));
    if (name == kModel)
      return refuse_at(where + "/variables", "'model' is no variable: paths hold it anyway");
  }
  for (const auto& [place, text] : texts) {
    const std::string unknown = unknown_variable_in(text, provider, "");
    if (!unknown.empty()) return refuse_at(where + place, fmt::format("{} is no variable of it", unknown));
  }
  for (const auto* paths : {&surface.paths, &surface.stream_paths}) {
    for (const auto& [kind, path] : *paths) {
      const std::string unknown = unknown_variable_in(path, provider, kModel);
      if (unknown.empty()) continue;
      return refuse_at(where + "/paths", fmt::format("{} is no variable of it", unknown));
    }
  }
  return {};
}

Status check_headers(const Surface& surface, const std::string& where) {
  for (const auto& [name, value] : surface.headers) {
    if (std::string problem = refuse_header(name, value); !problem.empty()) {
      return refuse_at(where + "/headers/" + name, problem);
    }
  }
  return {};
}

Status check_surface(const Provider& provider, const Surface& surface, const std::string& where) {
  SLUICE_TRY_VOID(check_variables(provider, surface, where));
  SLUICE_TRY_VOID(check_headers(surface, where));
  const std::string address = with_plain_values(surface.base_url, provider);
  if (std::string problem = refuse_base_url(address); !problem.empty()) {
    return refuse_at(where + "/base_url", problem);
  }
  if (surface.paths.empty()) return refuse_at(where + "/paths", "expected at least one");
  for (const std::string& name : surface.extensions) {
    if (std::ranges::find(kExtensions, name) == kExtensions.end())
      return refuse_at(where + "/extensions",
                       fmt::format("'{}' is none of {}", name, fmt::join(kExtensions, ", ")));
  }
  for (const auto& [kind, path] : surface.stream_paths) {
    if (surface.offers(kind)) continue;
    return refuse_at(where + "/stream_paths",
                     fmt::format("'{}' is not among the paths", tasks::name_of(kind)));
  }
  return {};
}

Status check(const Provider& provider, const std::string& where) {
  if (std::string problem = refuse_provider_id(provider.id); !problem.empty())
    return refuse_at(where + "/id", problem);
  for (const Surface& surface : provider.surfaces) {
    SLUICE_TRY_VOID(check_surface(provider, surface, where));
  }
  if (!provider.models_path.empty() && !provider.models_path.starts_with('/')) {
    return refuse_at(where + "/models_path", "expected a path that begins with '/'");
  }
  const DataPolicy& policy = provider.data_policy;
  if (policy.source == "unknown" && (!policy.retains || !policy.trains)) {
    return refuse_at(where + "/data_policy", "what is unknown counts as retained and trained on");
  }
  if (policy.date.size() != 10 || policy.date[4] != '-' || policy.date[7] != '-') {
    return refuse_at(where + "/data_policy/date", "expected YYYY-MM-DD");
  }
  return {};
}

}  // namespace

base::Result<Provider> parse_provider(std::string_view json, std::string_view where) {
  const std::string place(where);
  Provider provider;
  Surface first;
  std::vector<Field> fields = {
      {"id", true, text_into(provider.id)},
      {"name", true, text_into(provider.name)},
      {"also", false, [&](element value, const std::string& at) { return read_also(value, at, provider); }},
      {"auth", true,
       [&](element value, const std::string& at) { return read_auth(value, at, provider.auth); }},
      {"variables", false,
       [&](element value, const std::string& at) { return read_variables(value, at, provider.variables); }},
      {"tasks", false, texts_into(provider.tasks)},
      {"capabilities", false,
       [&](element value, const std::string& at) {
         return read_capabilities(value, at, provider.capabilities);
       }},
      {"data_policy", true,
       [&](element value, const std::string& at) { return read_policy(value, at, provider.data_policy); }},
      {"models_path", false, text_into(provider.models_path)},
      {"check", false,
       [&](element value, const std::string& at) { return read_check(value, at, provider.check.emplace()); }},
      {"answer", false,
       [&](element value, const std::string& at) { return read_answer(value, at, provider.answer); }},
      {"rate_limit_reset", false, text_into(provider.rate_limit_reset)},
      {"rate_limit_headers", false, texts_into(provider.rate_limit_headers)},
      {"request_id_headers", false, texts_into(provider.request_id_headers)},
      {"hf_partner", false, text_into(provider.hf_partner)},
      {"not_built", false, text_into(provider.not_built)},
      {"local", false, flag_into(provider.local)},
      {"uncertain", false, texts_into(provider.uncertain)},
      {"notes", false, text_into(provider.notes)}};
  std::ranges::move(fields_of(first, true), std::back_inserter(fields));
  SLUICE_TRY_VOID(read_json_file(json, place, kProviderFileBytesMax,
                                 [&](element root) { return read_object(root, place, fields); }));
  for (Surface& other : provider.surfaces) {
    if (other.base_url.empty()) other.base_url = first.base_url;
  }
  provider.surfaces.insert(provider.surfaces.begin(), std::move(first));
  SLUICE_TRY_VOID(check(provider, place));
  return provider;
}

}  // namespace sluice::hub::catalog
