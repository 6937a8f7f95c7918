#include "app/drill/own_gateway.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "base/random.h"

namespace sluice::app::drill {
namespace {

namespace fs = std::filesystem;

base::Result<fs::path> make_home() {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  std::string pattern = (base / "sluice-drill-XXXXXX").string();
  if (error || mkdtemp(pattern.data()) == nullptr)
    return base::fail(base::ErrorCode::io_failed, "{}: cannot make a folder there", base.string());
  return fs::path(pattern);
}

}  // namespace

OwnGateway::OwnGateway(fs::path home) : home_(std::move(home)), key_("sk-sluice-") {
  for (int i = 0; i < 2; ++i) key_ += fmt::format("{:016x}", base::secure_random_u64());
}

OwnGateway::~OwnGateway() {
  server_.reset();
  std::error_code ignored;
  fs::remove_all(home_, ignored);
}

base::Result<std::unique_ptr<OwnGateway>> OwnGateway::start(const std::string& config) {
  SLUICE_TRY(fs::path home, make_home());
  auto out = std::unique_ptr<OwnGateway>(new OwnGateway(std::move(home)));
  const std::string folder = out->home_.string();
  const std::string file = (out->home_ / "sluice.yaml").string();
  std::ofstream(file) << config;
  server::Surroundings world{.environment = {{"HOME", folder}, {"SLUICE_HOME", folder}},
                             .working_directory = folder};
  if (const char* model = std::getenv("SLUICE_MODEL")) world.environment["SLUICE_MODEL"] = model;
  const server::ConfigRequest request{
      .file = file, .flags = {{"host", "127.0.0.1"}, {"port", "0"}, {"loops", "2"}, {"api_key", out->key_}}};
  SLUICE_TRY(const auto loaded, server::load_config(request, world));
  SLUICE_TRY(out->server_, server::Server::start(loaded, world, false, [](const std::string&) {}));
  return out;
}

std::string OwnGateway::url() const {
  return fmt::format("http://127.0.0.1:{}/v1", server_->port());
}

}  // namespace sluice::app::drill
