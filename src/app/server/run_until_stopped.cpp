// The life of the process: signals, reload, drain, and what systemd is told.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "app/server/server.h"
#include "base/log.h"

namespace sluice::app::server {
namespace {

using base::LogLevel;
using base::LogLine;
using base::Status;

// The datagram of sd_notify(3), without its library. A manager that is gone is no reason to stop.
void notify_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof(address.sun_path)) return;
  std::strcpy(address.sun_path, path);
  if (*path == '@') address.sun_path[0] = '\0';  // an abstract name
  const int file = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (file < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  (void)::sendto(file, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 size);
  ::close(file);
}

LogLevel log_level_of(const Config& config) {
  if (config.log_level == "debug") return LogLevel::debug;
  if (config.log_level == "warning") return LogLevel::warning;
  if (config.log_level == "error") return LogLevel::error;
  return LogLevel::info;
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void reload(Server& server, const ConfigRequest& request) {
  notify_manager("RELOADING=1");
  const Surroundings surroundings = surroundings_of_process();
  Status done;
  if (auto loaded = load_config(request, surroundings)) {
    done = server.reload(*loaded, surroundings);
    if (done) base::set_log_level(log_level_of(loaded->config));
  } else {
    done = base::fail(std::move(loaded).error());
  }
  if (done) {
    LogLine(LogLevel::info, "reloaded").write();
  } else {
    LogLine(LogLevel::error, "reload refused, the configuration in force stays")
        .text("reason", done.error().message)
        .write();
  }
  notify_manager("READY=1");
}

sigset_t signals_of_server() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// A second signal means that somebody will not wait.
void drain(Server& server, const sigset_t& signals) {
  notify_manager("STOPPING=1");
  std::jthread impatience([&signals](std::stop_token stop) {
    const timespec tick{.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!stop.stop_requested()) {
      const int signal = sigtimedwait(&signals, nullptr, &tick);
      if (signal != SIGTERM && signal != SIGINT) continue;
      base::flush_log();
      std::_Exit(128 + signal);
    }
  });
  const bool whole = server.drain();
  LogLine(whole ? LogLevel::info : LogLevel::warning,
          whole ? "stopped" : "stopped, running requests were cut")
      .write();
}

}  // namespace

Status run_until_stopped(const ConfigRequest& request) {
  // Before any thread exists, so that all of them leave the signals to sigwait below.
  const sigset_t signals = signals_of_server();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const Surroundings surroundings = surroundings_of_process();
  SLUICE_TRY(const LoadedConfig loaded, load_config(request, surroundings));
  base::set_log_level(log_level_of(loaded.config));
  for (const std::string& warning : loaded.warnings) say("warning: " + warning);
  if (!loaded.file.empty()) say("configuration: " + loaded.file);
  SLUICE_TRY(const auto server, Server::start(loaded, surroundings, isatty(STDOUT_FILENO) != 0, say));
  notify_manager("READY=1");

  constexpr timespec kTick{.tv_sec = 1, .tv_nsec = 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &kTick);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) reload(*server, request);
    server->tick(surroundings_of_process());
  }
  drain(*server, signals);
  base::flush_log();
  return {};
}

}  // namespace sluice::app::server
