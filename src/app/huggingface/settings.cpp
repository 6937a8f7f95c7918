#include "app/huggingface/settings.h"

#include <cstdlib>
#include <fstream>

#include "app/huggingface/limits.h"
#include "base/strings.h"
#include "http/headers.h"

namespace sluice::app::huggingface {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kEndpoint = "https://huggingface.co";

// As the Hub's own library reads them.
bool is_true(std::string_view text) {
  const std::string lower = base::to_lower(text);
  return lower == "1" || lower == "true" || lower == "yes" || lower == "on";
}

fs::path home_of_hub(const Variables& variables) {
  if (const std::string home = variables("HF_HOME"); !home.empty()) return home;
  if (const std::string cache = variables("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "huggingface";
  const std::string home = variables("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".cache" / "huggingface";
}

std::string read_first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line(kTokenBytesMax + 1, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  return std::string(base::trim(line));
}

base::Status read_token(const Variables& variables, Settings& settings) {
  for (const std::string_view name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    settings.token = std::string(base::trim(variables(name)));
    settings.token_source = name;
    if (!settings.token.empty()) break;
  }
  if (settings.token.empty() && !is_true(variables("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) {
    const std::string named = variables("HF_TOKEN_PATH");
    const fs::path file = named.empty() ? home_of_hub(variables) / "token" : fs::path(named);
    settings.token = read_first_line(file);
    settings.token_source = "the token file " + file.string();
  }
  if (settings.token.empty()) settings.token_source.clear();
  if (settings.token.size() > kTokenBytesMax || !http::is_field_value(settings.token))
    return fail(ErrorCode::invalid_argument, "{}: expected one line of at most {} characters",
                settings.token_source, kTokenBytesMax);
  return {};
}

}  // namespace

fs::path cache_folder(const Variables& variables) {
  if (const std::string cache = variables("HF_HUB_CACHE"); !cache.empty()) return cache;
  const fs::path home = home_of_hub(variables);
  return home.empty() ? home : home / "hub";
}

Result<Settings> read_settings(const Variables& variables) {
  Settings settings{.offline = is_true(variables("HF_HUB_OFFLINE")), .cache = cache_folder(variables)};
  std::string endpoint = variables("HF_ENDPOINT");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  auto url = http::parse_url(endpoint.empty() ? kEndpoint : std::string_view(endpoint));
  if (!url) return fail(ErrorCode::invalid_argument, "HF_ENDPOINT: {}", url.error().message);
  settings.endpoint = *std::move(url);
  if (settings.endpoint.target == "/") settings.endpoint.target.clear();
  if (settings.cache.empty())
    return fail(ErrorCode::invalid_argument, "HF_HOME or HOME: expected a folder for the cache");
  SLUICE_TRY_VOID(read_token(variables, settings));
  return settings;
}

Variables variables_of_process() {
  return [](std::string_view name) {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::string() : std::string(value);
  };
}

}  // namespace sluice::app::huggingface
