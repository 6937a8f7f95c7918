// Brings a model of the Hub into the shared cache: look() asks what it is and what is here already, fetch()
// moves what is missing. Blocking, each on an event loop of its own; Ctrl-C may end the process at any moment
// and leaves prefixes that the next call goes on from.
//
// Errors: as HubClient's; corrupt_data for content that does not hash to what the listing says, io_failed for
// the disk, unavailable for an offline configuration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/huggingface/choose_files.h"
#include "app/huggingface/file_download.h"
#include "app/huggingface/model_name.h"
#include "app/huggingface/settings.h"
#include "net/client.h"

namespace sluice::app::huggingface {

struct Plan {
  ModelName name;
  std::string commit;
  std::string licence;
  bool gated = false;
  Choice choice = {};
  std::vector<std::uint64_t> held = {};  // bytes of each file that are here already
  std::filesystem::path snapshot = {};   // the folder the engine loads
  std::uint64_t bytes() const;           // of all files
  std::uint64_t bytes_missing() const;
};

class Puller {
 public:
  Puller(Settings settings, net::ClientOptions client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  base::Result<Plan> look(const ModelName& name) const;
  // Moves plan.bytes_missing() bytes and publishes the snapshot. `progress` is called on this thread.
  base::Status fetch(const Plan& plan, const Progress& progress) const;

 private:
  const Settings settings_;
  const net::ClientOptions client_;
};

}  // namespace sluice::app::huggingface
