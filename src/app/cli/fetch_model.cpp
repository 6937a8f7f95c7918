#include "app/cli/fetch_model.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "app/cli/terminal.h"
#include "base/strings.h"

namespace sluice::app::cli {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kShortCommit = 12;
constexpr std::string_view kDevicePin = ":device";

}  // namespace

void HubOptions::declare(Arguments& arguments) {
  static constexpr std::array<std::string_view, 2> kSettings{"local_only", "ca_file"};
  config_.declare_only(arguments, kSettings);
}

void HubOptions::declare_implied(Arguments& arguments) {
  declare(arguments);
  arguments.flag("-y,--yes", yes_, "download a model of the Hub that is missing without asking");
}

Result<huggingface::Puller> HubOptions::puller() const {
  SLUICE_TRY(const server::LoadedConfig loaded, config_.load());
  SLUICE_TRY(huggingface::Settings settings, huggingface::read_settings(huggingface::variables_of_process()));
  net::ClientOptions client;
  client.egress.local_only = loaded.config.local_only;
  client.ca_file = loaded.config.ca_file;
  client.proxy = net::ProxySettings::from_environment();
  return huggingface::Puller(std::move(settings), std::move(client));
}

void print_plan(const huggingface::Plan& plan) {
  fmt::print(stderr, "{}{} at {}, licence {}{}\n", plan.name.repository,
             plan.choice.quant.empty() ? "" : ":" + plan.choice.quant, plan.commit.substr(0, kShortCommit),
             plan.licence.empty() ? "not named" : plan.licence, plan.gated ? ", behind terms" : "");
  for (std::size_t i = 0; i < plan.choice.files.size(); ++i) {
    const huggingface::RemoteFile& file = plan.choice.files[i];
    std::string_view here;
    if (plan.held[i] == file.bytes) here = "  here";
    if (plan.held[i] > 0 && plan.held[i] < file.bytes) here = "  begun";
    fmt::print(stderr, "  {:<48} {:>10}{}\n", file.path, base::format_bytes(file.bytes), here);
  }
  if (!plan.choice.others.empty())
    fmt::print(stderr, "  {} other number formats: name one as {}:Q8_0\n", plan.choice.others.size(),
               plan.name.repository);
  fmt::print(stderr, "{} in all, {} to download\n", base::format_bytes(plan.bytes()),
             base::format_bytes(plan.bytes_missing()));
}

Status fetch_with_progress(const huggingface::Puller& puller, const huggingface::Plan& plan) {
  ProgressBar bar(plan.bytes_missing());
  std::uint64_t done = 0;
  return puller.fetch(plan, [&](std::uint64_t bytes) {
    done += bytes;
    const double pace = static_cast<double>(done) / std::max(bar.elapsed().count(), 1e-3);
    bar.show(done, fmt::format("of {}, {}/s", base::format_bytes(plan.bytes_missing()),
                               base::format_bytes(static_cast<std::uint64_t>(pace))));
  });
}

Result<ChatSession::LoadedModel> load_or_fetch(const std::string& name, const HubOptions& options) {
  auto loaded = load_for_chat(name);
  std::error_code error;
  std::string_view wanted = name;
  if (wanted.ends_with(kDevicePin)) wanted.remove_suffix(kDevicePin.size());
  if (loaded || loaded.error().code != ErrorCode::not_found || !huggingface::looks_like_model_name(wanted) ||
      std::filesystem::exists(wanted, error))
    return loaded;
  const bool can_ask = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
  if (!options.agreed() && !can_ask)
    return fail(ErrorCode::unavailable, "{}; `sluice pull {}`, or -y here, downloads it from the Hub",
                loaded.error().message, wanted);
  SLUICE_TRY(const huggingface::ModelName model, huggingface::parse_model_name(wanted));
  SLUICE_TRY(const huggingface::Puller puller, options.puller());
  SLUICE_TRY(const huggingface::Plan plan, puller.look(model));
  print_plan(plan);
  if (!options.agreed() && !agrees("download it? [Y/n] ", true))
    return fail(ErrorCode::unavailable, "{} is not on this machine", wanted);
  SLUICE_TRY_VOID(fetch_with_progress(puller, plan));
  return load_for_chat(wanted);
}

int report_missing(const base::Error& error) {
  report(error);
  const bool mendable = error.code == ErrorCode::unavailable || error.code == ErrorCode::unauthenticated ||
                        error.code == ErrorCode::forbidden;
  return mendable ? kPrerequisiteMissing : kFailed;
}

}  // namespace sluice::app::cli
