// simulated_providers FOLDER [--port N] [--seed N]: plays the exchanges of FOLDER (data/simulator) on
// loopback. Prints "port N" and "seed N" and serves until SIGTERM or SIGINT.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <string_view>

#include "base/random.h"
#include "base/strings.h"
#include "hub/simulator/simulator.h"

namespace {

using sluice::base::parse_unsigned;

int complain(std::string_view problem) {
  fmt::print(stderr, "simulated_providers: {}\nusage: simulated_providers FOLDER [--port N] [--seed N]\n",
             problem);
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  std::string_view folder;
  std::uint16_t port = 0;
  std::uint64_t seed = sluice::base::secure_random_u64();
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with("--")) {
      folder = argument;
      continue;
    }
    const auto value = i + 1 < count ? parse_unsigned(arguments[++i]) : std::nullopt;
    if (!value) return complain("a number is missing");
    if (argument == "--port" && *value <= 65535) {
      port = static_cast<std::uint16_t>(*value);
    } else if (argument == "--seed") {
      seed = *value;
    } else {
      return complain(argument);
    }
  }
  if (folder.empty()) return complain("the folder is missing");

  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);

  auto simulator = sluice::hub::simulator::Simulator::load(folder, seed);
  if (!simulator) return complain(simulator.error().message);
  sluice::net::Loops loops(1);
  sluice::net::Server server(loops, {}, (*simulator)->handler());
  const auto listening = server.listen(sluice::net::TcpAddress{.port = port});
  if (!listening) return complain(listening.error().message);
  fmt::print("port {}\nseed {}\n", *listening, seed);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stops, &signal);
  server.stop(std::chrono::milliseconds(500));
  return 0;
}
