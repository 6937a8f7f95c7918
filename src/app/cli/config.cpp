#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "app/cli/config_options.h"
#include "app/cli/import_litellm.h"
#include "app/server/limits.h"
#include "app/server/settings.h"
#include "base/json_writer.h"

namespace sluice::app::cli {
namespace {

int write_new_file(const std::string& path, const std::string& text) {
  // "x": an existing file is somebody's work.
  std::FILE* file = std::fopen(path.c_str(), "wx");
  if (file == nullptr)
    return report(
        {.code = base::ErrorCode::io_failed,
         .message = fmt::format("{}: {}", path, errno == EEXIST ? "exists already" : std::strerror(errno))});
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !whole)
    return report({.code = base::ErrorCode::io_failed, .message = path + ": could not be written whole"});
  fmt::print(stderr, "wrote {}\n", path);
  return kDone;
}

void print_settings(const server::LoadedConfig& loaded, bool origin, bool json) {
  std::string out;
  if (json) {
    base::JsonWriter writer(out);
    writer.begin_array();
    for (const server::Origin& o : loaded.origins) {
      writer.begin_object().field("name", o.name).field("value", o.value);
      if (origin) writer.field("origin", o.source);
      writer.end_object();
    }
    writer.end_array();
    out += '\n';
  } else {
    for (const server::Origin& o : loaded.origins)
      out += origin ? fmt::format("{:<28} {:<24} {}\n", o.name, o.value, o.source)
                    : fmt::format("{}: {}\n", o.name, o.value);
  }
  fmt::print("{}", out);
}

// Prints the YAML, or writes it; what could not be carried goes to standard error, line by line.
int import_config(const std::string& format, const std::string& path, const std::string& out) {
  if (format != "litellm") {
    fmt::print(stderr, "sluice: config import: expected 'litellm', found '{}'\n", format);
    return kUsage;
  }
  const auto text = server::read_text_file(path, server::kConfigBytesMax);
  if (!text) return report(text.error());
  const auto imported = import_litellm(*text, std::filesystem::path(path).filename().string());
  if (!imported) return report(imported.error());
  if (out.empty()) {
    fmt::print("{}", imported->yaml);
  } else if (const int status = write_new_file(out, imported->yaml); status != kDone) {
    return status;
  }
  for (const std::string& line : imported->left_out) fmt::print(stderr, "not carried: {}\n", line);
  fmt::print(stderr, "{} models carried, {} lines not\n", imported->models, imported->left_out.size());
  return imported->left_out.empty() ? kDone : kFailed;
}

struct State {
  ConfigOptions options;
  std::string path;
  std::string format;
  std::string out;
  bool json = false;
  bool origin = false;
};

}  // namespace

std::function<int()> declare_config_init(Arguments& arguments) {
  auto state = std::make_shared<State>();
  arguments.optional("FILE", state->path, "where to write it [sluice.yaml]");
  return [state] {
    return write_new_file(state->path.empty() ? "sluice.yaml" : state->path, server::make_config_template());
  };
}

std::function<int()> declare_config_import(Arguments& arguments) {
  auto state = std::make_shared<State>();
  arguments.required("FORMAT", state->format, "whose it is: litellm");
  arguments.required("FILE", state->path, "the configuration to translate");
  arguments.option("--out", state->out, "file to write instead of standard output");
  return [state] { return import_config(state->format, state->path, state->out); };
}

std::function<int()> declare_config_check(Arguments& arguments) {
  auto state = std::make_shared<State>();
  arguments.optional("FILE", state->path, "file to check instead of the one that would be read");
  return [state] {
    const auto loaded =
        server::load_config({.file = state->path, .flags = {}}, server::surroundings_of_process());
    if (!loaded) return report(loaded.error());
    for (const std::string& warning : loaded->warnings) fmt::print(stderr, "sluice: {}\n", warning);
    fmt::print("{}: good\n", loaded->file.empty() ? "no file, defaults and environment" : loaded->file);
    return static_cast<int>(kDone);
  };
}

std::function<int()> declare_config_show(Arguments& arguments) {
  auto state = std::make_shared<State>();
  state->options.declare(arguments);
  arguments.flag("--origin", state->origin, "say where each value came from");
  arguments.flag("--json", state->json, "print one JSON array");
  return [state] {
    const auto loaded = state->options.load();
    if (!loaded) return report(loaded.error());
    print_settings(*loaded, state->origin, state->json);
    return static_cast<int>(kDone);
  };
}

std::function<int()> declare_config_schema(Arguments&) {
  return [] {
    fmt::print("{}", server::make_config_schema());
    return static_cast<int>(kDone);
  };
}

std::function<int()> declare_config_reference(Arguments&) {
  return [] {
    fmt::print("{}", server::make_config_reference());
    return static_cast<int>(kDone);
  };
}

}  // namespace sluice::app::cli
