// This program's own server, started in this process for a drill: on a free port, with a configuration, a key
// and a home of its own that are gone when it is. Of the environment only $SLUICE_MODEL reaches it: what the
// device offers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/server/server.h"

namespace sluice::app::drill {

class OwnGateway {
 public:
  // `config` is the text of its file.
  static base::Result<std::unique_ptr<OwnGateway>> start(const std::string& config);
  ~OwnGateway();
  OwnGateway(const OwnGateway&) = delete;
  OwnGateway& operator=(const OwnGateway&) = delete;

  std::string url() const;  // "http://127.0.0.1:40001/v1"
  const std::string& key() const { return key_; }

 private:
  explicit OwnGateway(std::filesystem::path home);

  const std::filesystem::path home_;
  std::string key_;
  std::unique_ptr<server::Server> server_;
};

}  // namespace sluice::app::drill
