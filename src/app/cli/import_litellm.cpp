#include "app/cli/import_litellm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "app/server/yaml_tree.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "http/url.h"
#include "hub/catalog/catalog.h"

namespace sluice::app::cli {
namespace {

using base::ErrorCode;
using server::YamlNode;

// "groq/llama-3": the word before the slash, and which provider of ours that is. An empty id: a server of the
// user's own, which api_base names.
struct Prefix {
  std::string_view word;
  std::string_view id;
};
constexpr Prefix kPrefixes[] = {
    {"openai", "openai"},
    {"text-completion-openai", "openai"},
    {"azure", "azure-openai"},
    {"anthropic", "anthropic"},
    {"gemini", "google-gemini"},
    {"vertex_ai", "vertex-gemini"},
    {"bedrock", "aws-bedrock"},
    {"groq", "groq"},
    {"mistral", "mistral"},
    {"deepseek", "deepseek"},
    {"xai", "xai"},
    {"openrouter", "openrouter"},
    {"together_ai", "together"},
    {"fireworks_ai", "fireworks-ai"},
    {"deepinfra", "deepinfra"},
    {"perplexity", "perplexity"},
    {"cohere", "cohere-native"},
    {"cohere_chat", "cohere-native"},
    {"cerebras", "cerebras"},
    {"sambanova", "sambanova"},
    {"nebius", "nebius"},
    {"novita", "novita"},
    {"nscale", "nscale"},
    {"hyperbolic", "hyperbolic"},
    {"huggingface", "hf-router"},
    {"ollama", "ollama"},
    {"ollama_chat", "ollama"},
    {"nvidia_nim", "nvidia"},
    {"moonshot", "moonshotai"},
    {"featherless_ai", "featherless-ai"},
    {"ovhcloud", "ovhcloud"},
    {"scaleway", "scaleway"},
    {"publicai", "publicai"},
    {"baseten", "baseten"},
    {"clarifai", "clarifai"},
    {"zai", "zai-org"},
    {"replicate", "replicate"},
    {"fal_ai", "fal-ai"},
    {"hosted_vllm", ""},
    {"vllm", ""},
    {"lm_studio", ""},
    {"openai_like", ""},
    {"custom_openai", ""},
    {"litellm_proxy", ""},
    {"llamafile", ""},
    {"xinference", ""},
};

// What a name without a prefix means there.
constexpr Prefix kBareNames[] = {
    {"gpt-", "openai"},       {"o1", "openai"},
    {"o3", "openai"},         {"o4", "openai"},
    {"chatgpt-", "openai"},   {"text-embedding-", "openai"},
    {"claude-", "anthropic"}, {"command-", "cohere-native"},
};

// Sections and keys without a counterpart, and why; the others are "no setting of sluice".
constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
    {"cache", "answers are not cached"},
    {"cache_params", "answers are not cached"},
    {"callbacks", "there are no callbacks: /metrics and the access log tell what happened"},
    {"success_callback", "there are no callbacks: /metrics and the access log tell what happened"},
    {"failure_callback", "there are no callbacks: /metrics and the access log tell what happened"},
    {"num_retries", "a route is asked once, then the next of the same model"},
    {"max_retries", "a route is asked once, then the next of the same model"},
    {"retry_policy", "a route is asked once, then the next of the same model"},
    {"allowed_fails", "a route that fails is not taken out"},
    {"cooldown_time", "a route that fails is not taken out"},
    {"redis_host", "limits are not shared between processes"},
    {"redis_port", "limits are not shared between processes"},
    {"redis_password", "limits are not shared between processes"},
    {"database_url", "keys are kept in $SLUICE_HOME"},
    {"weight", "only a key has a weight, and it is a whole number"},
    {"rpm", "there are no limits of a route"},
    {"tpm", "there are no limits of a route"},
    {"default_fallbacks", "no model answers in place of another unless its own routes say so"},
    {"context_window_fallbacks", "no model answers in place of another unless its own routes say so"},
    {"content_policy_fallbacks", "no model answers in place of another unless its own routes say so"},
    {"enable_pre_call_checks", "requests are checked always"},
    {"model_info", "facts of a model are its provider's to tell"},
    {"environment_variables", "set them in the environment of sluice"},
    {"aws_access_key_id", "signed requests are not built: sluice reads AWS_BEARER_TOKEN_BEDROCK"},
    {"aws_secret_access_key", "signed requests are not built: sluice reads AWS_BEARER_TOKEN_BEDROCK"},
    {"aws_session_token", "signed requests are not built: sluice reads AWS_BEARER_TOKEN_BEDROCK"},
    {"input_cost_per_token", "prices are not read from the configuration"},
    {"output_cost_per_token", "prices are not read from the configuration"},
    {"temperature", "what a request does not say is left to the provider"},
    {"top_p", "what a request does not say is left to the provider"},
    {"max_tokens", "what a request does not say is left to the provider"},
    {"seed", "what a request does not say is left to the provider"},
    {"stream_timeout", "limits.first_byte_timeout and limits.idle_timeout hold for all providers"},
};

constexpr std::size_t kOwnIdBytesMax = 56;  // a number may follow
constexpr std::size_t kRoutesMax = 64;      // of a model, as the catalogue has it

std::string_view reason_for(std::string_view key) {
  const auto found = std::ranges::find(kReasons, key, [](const auto& one) { return one.first; });
  return found == std::end(kReasons) ? std::string_view("no setting of sluice says this") : found->second;
}

std::string quoted(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

// os.environ/NAME is our env:NAME.
std::string translate(std::string_view value) {
  constexpr std::string_view kVariable = "os.environ/";
  if (value.starts_with(kVariable)) return fmt::format("env:{}", value.substr(kVariable.size()));
  return std::string(value);
}

const YamlNode* find(const YamlNode& map, std::string_view key) {
  const auto found = std::ranges::find(map.items, key, &YamlNode::key);
  return found == map.items.end() ? nullptr : &*found;
}

struct Route {
  std::string provider;
  std::string model;
  friend bool operator==(const Route&, const Route&) = default;
};

struct OwnProvider {
  std::vector<std::pair<std::string, std::string>> keys;  // key, weight
  std::string base_url;
  std::string dialect;
  bool named = false;
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> variables;
};

class Importer {
 public:
  explicit Importer(std::string_view name) : name_(name) {}
  base::Result<Imported> import(const YamlNode& root);

 private:
  void leave_out(const YamlNode& node, std::string_view path, std::string_view reason) {
    out_.left_out.push_back(fmt::format("{}:{}: {}: {}", name_, node.line, path, reason));
  }
  void take_model(const YamlNode& entry, const std::string& path);
  std::optional<Route> choose_route(const YamlNode& params, const YamlNode& model, const std::string& path);
  std::optional<std::string> place_provider(std::string_view id, const YamlNode& params, const YamlNode& at,
                                            const std::string& path);
  std::optional<std::string> make_own(std::string_view dialect, std::string address, const YamlNode& at,
                                      const std::string& path);
  bool move_provider(const std::string& id, std::string address, const YamlNode& at, const std::string& path);
  void take_params(const YamlNode& params, OwnProvider& provider, const std::string& id,
                   const std::string& path);
  void take_section(const YamlNode& section);
  void take_setting(const YamlNode& entry, const std::string& path);
  void take_fallbacks(const YamlNode& list, const std::string& path);
  void take_aliases(const YamlNode& map, const std::string& path);
  void take_timeout(const YamlNode& node, const std::string& path);
  std::string write() const;
  void write_provider(std::string& out, const std::string& id, const OwnProvider& provider) const;

  const std::string name_;
  Imported out_;
  std::map<std::string, OwnProvider> providers_;
  std::vector<std::string> order_;  // of the models, as written
  std::map<std::string, std::vector<Route>> models_;
  std::map<std::string, std::size_t> own_routes_;  // of models with fallbacks: how many routes are their own
  std::string timeout_;
  std::string api_key_;
  const std::shared_ptr<const hub::catalog::Catalog> catalog_ = hub::catalog::Catalog::built_in();
};

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// A server of the user's own, called after its host.
std::optional<std::string> Importer::make_own(std::string_view dialect, std::string address,
                                              const YamlNode& at, const std::string& path) {
  if (const std::string problem = hub::catalog::refuse_base_url(address); !problem.empty()) {
    leave_out(at, path, problem);
    return std::nullopt;
  }
  const auto url = http::parse_url(address);
  std::string id = "own-" + url->host;
  std::ranges::replace_if(id, [](char c) { return c == ':' || c == '_'; }, '-');
  if (id.size() > kOwnIdBytesMax) id.resize(kOwnIdBytesMax);
  std::string candidate = id;
  for (int i = 2; providers_.contains(candidate) && providers_[candidate].base_url != address; ++i)
    candidate = fmt::format("{}-{}", id, i);
  OwnProvider& made = providers_[candidate];
  made.base_url = std::move(address);
  made.dialect = dialect;
  return candidate;
}

// Gives a known provider the address of api_base.
bool Importer::move_provider(const std::string& id, std::string address, const YamlNode& at,
                             const std::string& path) {
  constexpr std::string_view kAzure = ".openai.azure.com";
  const bool known = providers_.contains(id);
  OwnProvider& provider = providers_[id];
  if (id == "azure-openai" && address.starts_with("https://") && address.ends_with(kAzure)) {
    const std::string resource = address.substr(8, address.size() - 8 - kAzure.size());
    if (known && provider.variables.contains("resource") && provider.variables["resource"] != resource) {
      leave_out(at, path, "there is one azure-openai, and it has another resource already");
      return false;
    }
    provider.variables["resource"] = resource;
    return true;
  }
  if (const std::string problem = hub::catalog::refuse_base_url(address); !problem.empty()) {
    leave_out(at, path, problem);
    return false;
  }
  if (known && !provider.base_url.empty() && provider.base_url != address) {
    leave_out(at, path, fmt::format("{} has another address already", id));
    return false;
  }
  provider.base_url = std::move(address);
  return true;
}

// Which provider of the new configuration serves this entry.
std::optional<std::string> Importer::place_provider(std::string_view id, const YamlNode& params,
                                                    const YamlNode& at, const std::string& path) {
  const YamlNode* base = find(params, "api_base");
  if (base == nullptr) base = find(params, "base_url");
  const std::string address = base == nullptr ? "" : without_slash(base->text);
  const std::string base_path = path + ".litellm_params.api_base";
  if (id.empty()) {
    if (address.empty()) {
      leave_out(at, path, "a server of your own needs its api_base");
      return std::nullopt;
    }
    return make_own("openai", address, *base, base_path);
  }
  const auto known = catalog_->find(id);
  if (!known->not_built.empty()) {
    leave_out(at, path, fmt::format("{} is not built yet: {}", id, known->not_built));
    return std::nullopt;
  }
  std::string own(id);
  if (address.empty() || address.starts_with(known->primary().base_url)) return own;
  if (address.starts_with("os.environ/")) {
    leave_out(*base, base_path, "give the address itself: sluice checks it when it starts");
    return std::nullopt;
  }
  if (own == "azure-openai" || own == "ollama") {
    if (!move_provider(own, address, *base, base_path)) return std::nullopt;
    return own;
  }
  return make_own(own == "anthropic" ? "anthropic" : "openai", address, *base, base_path);
}

std::optional<Route> Importer::choose_route(const YamlNode& params, const YamlNode& model,
                                            const std::string& path) {
  std::string_view name = model.text;
  std::string_view word;
  if (const YamlNode* custom = find(params, "custom_llm_provider")) {
    word = custom->text;
    if (name.starts_with(fmt::format("{}/", word))) name.remove_prefix(word.size() + 1);
  } else if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    word = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  std::optional<std::string_view> id;
  if (const auto found = std::ranges::find(kPrefixes, word, &Prefix::word); found != std::end(kPrefixes)) {
    id = found->id;
  } else if (word.empty()) {
    for (const Prefix& bare : kBareNames)
      if (name.starts_with(bare.word)) id = bare.id;
  }
  const std::string where = path + ".litellm_params.model";
  if (!id) {
    leave_out(model, where, fmt::format("'{}' names no provider that sluice knows", model.text));
    return std::nullopt;
  }
  if (id == "vertex-gemini" && !name.starts_with("gemini")) {
    leave_out(model, where, "of Vertex only the Gemini models are reached");
    return std::nullopt;
  }
  const auto provider = place_provider(*id, params, model, path);
  if (!provider) return std::nullopt;
  if (name.contains('*')) {
    leave_out(model, where,
              fmt::format("any model of it can be asked for without a list: MODEL:{}", *provider));
    providers_[*provider].named = true;
    take_params(params, providers_[*provider], *provider, path + ".litellm_params");
    return std::nullopt;
  }
  return Route{.provider = *provider, .model = std::string(name)};
}

void Importer::take_params(const YamlNode& params, OwnProvider& provider, const std::string& id,
                           const std::string& path) {
  const auto known = catalog_->find(id);
  const auto variable = [&](const std::string& name, const YamlNode& node) {
    if (known && known->variables.contains(name)) {
      provider.variables[name] = translate(node.text);
    } else {
      leave_out(node, path + "." + node.key, fmt::format("{} has no variable '{}'", id, name));
    }
  };
  const YamlNode* weight = find(params, "weight");
  const auto share = weight == nullptr ? std::nullopt : base::parse_unsigned(weight->text);
  for (const YamlNode& node : params.items) {
    const std::string& key = node.key;
    if (key == "model" || key == "api_base" || key == "base_url" || key == "custom_llm_provider") continue;
    if (key == "weight" && share && find(params, "api_key") != nullptr) continue;
    if (key == "api_key" || (key == "vertex_credentials" && node.kind == YamlNode::Kind::scalar)) {
      std::string text = translate(node.text);
      if (key == "vertex_credentials" && !text.starts_with("env:") && !text.starts_with('{'))
        text = "file:" + text;
      const bool twice =
          std::ranges::any_of(provider.keys, [&](const auto& one) { return one.first == text; });
      if (!twice) provider.keys.emplace_back(text, fmt::format("{}", share.value_or(1)));
    } else if (key == "api_version") {
      variable("api_version", node);
    } else if (key == "vertex_project") {
      variable("project", node);
    } else if (key == "vertex_location") {
      variable("location", node);
    } else if (key == "aws_region_name") {
      variable("region", node);
    } else if (key == "extra_headers" && node.kind == YamlNode::Kind::map) {
      for (const YamlNode& header : node.items) provider.headers[header.key] = translate(header.text);
    } else {
      leave_out(node, path + "." + key, reason_for(key));
    }
  }
  // Without a key of its own it must be switched on by name: nothing else says that it may be used.
  const bool by_name =
      known && (known->auth.only_by_name || known->auth.kind == hub::catalog::Auth::Kind::none);
  provider.named |= (by_name || !known) && provider.keys.empty();
}

void Importer::take_model(const YamlNode& entry, const std::string& path) {
  const YamlNode* name = find(entry, "model_name");
  const YamlNode* params = find(entry, "litellm_params");
  const YamlNode* model = params == nullptr ? nullptr : find(*params, "model");
  if (name == nullptr || model == nullptr || name->text.empty() || model->text.empty()) {
    leave_out(entry, path, "expected model_name and litellm_params.model");
    return;
  }
  for (const YamlNode& other : entry.items)
    if (other.key != "model_name" && other.key != "litellm_params")
      leave_out(other, path + "." + other.key, reason_for(other.key));
  const auto route = choose_route(*params, *model, path);
  if (!route) return;
  take_params(*params, providers_[route->provider], route->provider, path + ".litellm_params");
  if (!models_.contains(name->text)) order_.push_back(name->text);
  auto& routes = models_[name->text];
  // The same model with another key: the key is one of several, the route is one.
  if (std::ranges::find(routes, *route) != routes.end()) return;
  if (routes.size() >= kRoutesMax)
    return leave_out(entry, path, fmt::format("a model has at most {} routes", kRoutesMax));
  routes.push_back(*route);
}

// [{"gpt-4o": ["claude"]}]: the routes of the second follow those of the first.
void Importer::take_fallbacks(const YamlNode& list, const std::string& path) {
  for (const YamlNode& item : list.items) {
    if (item.kind != YamlNode::Kind::map) {
      leave_out(item, path, "expected a model and its fallbacks");
      continue;
    }
    for (const YamlNode& rule : item.items) {
      const std::string where = fmt::format("{}.{}", path, rule.key);
      if (!models_.contains(rule.key)) {
        leave_out(rule, where, "no such model was carried");
        continue;
      }
      for (const YamlNode& target : rule.items) {
        const auto found = models_.find(target.text);
        if (found == models_.end()) {
          leave_out(target, where, fmt::format("'{}': no such model was carried", target.text));
          continue;
        }
        const std::vector<Route> further = found->second;
        auto& routes = models_[rule.key];
        own_routes_.try_emplace(rule.key, routes.size());
        for (const Route& route : further) {
          if (std::ranges::find(routes, route) != routes.end()) continue;
          if (routes.size() < kRoutesMax) {
            routes.push_back(route);
          } else {
            leave_out(target, where, fmt::format("a model has at most {} routes", kRoutesMax));
            break;
          }
        }
      }
    }
  }
}

void Importer::take_aliases(const YamlNode& map, const std::string& path) {
  for (const YamlNode& alias : map.items) {
    const YamlNode* inner = alias.kind == YamlNode::Kind::map ? find(alias, "model") : &alias;
    const std::string target = inner == nullptr ? "" : inner->text;
    if (!models_.contains(target) || models_.contains(alias.key)) {
      leave_out(alias, fmt::format("{}.{}", path, alias.key),
                models_.contains(alias.key) ? "a model has that name" : "no such model was carried");
      continue;
    }
    order_.push_back(alias.key);
    models_[alias.key] = models_[target];
    if (const auto own = own_routes_.find(target); own != own_routes_.end())
      own_routes_.emplace(alias.key, own->second);
  }
}

void Importer::take_timeout(const YamlNode& node, const std::string& path) {
  const auto seconds = base::parse_unsigned(node.text);
  if (!seconds || *seconds == 0 || !timeout_.empty()) {
    leave_out(node, path,
              timeout_.empty() ? "expected whole seconds" : "a timeout of requests is carried already");
    return;
  }
  timeout_ = fmt::format("{}s", *seconds);
}

void Importer::take_setting(const YamlNode& entry, const std::string& path) {
  const std::string& key = entry.key;
  if (key == "fallbacks" && entry.kind == YamlNode::Kind::list) return take_fallbacks(entry, path);
  if (key == "model_group_alias" && entry.kind == YamlNode::Kind::map) return take_aliases(entry, path);
  if (key == "timeout" || key == "request_timeout") return take_timeout(entry, path);
  if (key == "master_key" && entry.kind == YamlNode::Kind::scalar) {
    api_key_ = translate(entry.text);
    return;
  }
  if (key == "drop_params" && entry.text != "false")
    return;  // what sluice does, and names in x-sluice-dropped
  if (key == "drop_params")
    return leave_out(entry, path,
                     "a request refuses with provider.require_parameters: true, each for itself");
  if (key == "routing_strategy")
    return leave_out(entry, path, fmt::format("'{}': routes are tried in the order written", entry.text));
  leave_out(entry, path, reason_for(key));
}

void Importer::take_section(const YamlNode& section) {
  const bool known = section.key == "litellm_settings" || section.key == "router_settings" ||
                     section.key == "general_settings";
  if (!known || section.kind != YamlNode::Kind::map) {
    if (section.kind != YamlNode::Kind::nothing) leave_out(section, section.key, reason_for(section.key));
    return;
  }
  for (const YamlNode& entry : section.items) take_setting(entry, section.key + "." + entry.key);
}

void Importer::write_provider(std::string& out, const std::string& id, const OwnProvider& provider) const {
  out += fmt::format("  {}:\n", id);
  const std::size_t before = out.size();
  if (!provider.dialect.empty()) out += fmt::format("    dialect: {}\n", provider.dialect);
  if (!provider.base_url.empty()) out += fmt::format("    base_url: {}\n", quoted(provider.base_url));
  if (provider.named) out += "    enabled: true\n";
  if (provider.keys.size() == 1) out += fmt::format("    api_key: {}\n", quoted(provider.keys[0].first));
  if (provider.keys.size() > 1) out += "    api_keys:\n";
  for (const auto& [key, weight] : provider.keys)
    if (provider.keys.size() > 1)
      out += fmt::format("      - key: {}\n        weight: {}\n", quoted(key), weight);
  for (const auto& [title, map] :
       {std::pair("headers", &provider.headers), std::pair("variables", &provider.variables)}) {
    if (!map->empty()) out += fmt::format("    {}:\n", title);
    for (const auto& [name, value] : *map) out += fmt::format("      {}: {}\n", quoted(name), quoted(value));
  }
  // A provider that only its usual variable switches on needs no entry.
  if (out.size() == before) out.resize(before - fmt::format("  {}:\n", id).size());
}

std::string Importer::write() const {
  std::string out = "# Translated from LiteLLM's configuration by `sluice config import litellm`.\n";
  if (!api_key_.empty()) out += fmt::format("api_key: {}\n", quoted(api_key_));
  if (!timeout_.empty()) out += fmt::format("limits:\n  request_timeout: {}\n", timeout_);
  std::string providers;
  for (const auto& [id, provider] : providers_) write_provider(providers, id, provider);
  if (!providers.empty()) out += "providers:\n" + providers;
  if (!order_.empty()) out += "models:\n";
  for (const std::string& name : order_) {
    out += fmt::format("  {}:\n    routes:\n", quoted(name));
    const auto& routes = models_.at(name);
    const auto own = own_routes_.find(name);
    for (std::size_t i = 0; i < routes.size(); ++i) {
      if (own != own_routes_.end() && i == own->second)
        out += "      # The fallbacks: from here on another model answers under this name.\n";
      out += fmt::format("      - provider: {}\n        model: {}\n", routes[i].provider,
                         quoted(routes[i].model));
    }
  }
  return out;
}

base::Result<Imported> Importer::import(const YamlNode& root) {
  const YamlNode* list = root.kind == YamlNode::Kind::map ? find(root, "model_list") : nullptr;
  if (list == nullptr || list->kind != YamlNode::Kind::list)
    return base::fail(ErrorCode::invalid_argument, "{}: expected a model_list", name_);
  for (std::size_t i = 0; i < list->items.size(); ++i)
    take_model(list->items[i], fmt::format("model_list.{}", i));
  // Aliases and fallbacks speak of models, so they come after them.
  for (const YamlNode& section : root.items)
    if (section.key != "model_list") take_section(section);
  out_.models = order_.size();
  out_.yaml = write();
  return std::move(out_);
}

}  // namespace

base::Result<Imported> import_litellm(std::string_view text, std::string_view name) {
  SLUICE_TRY(const YamlNode root, server::parse_yaml(text, name));
  return Importer(name).import(root);
}

}  // namespace sluice::app::cli
