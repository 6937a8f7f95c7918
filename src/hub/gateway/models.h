// The models a client may ask for by name. Pure over the snapshots.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/gateway/settings.h"

namespace sluice::hub::gateway {

struct ModelRow {
  std::string id;
  std::vector<catalog::Candidate> candidates;  // who may answer, at least one
};

// The ids that the device serves; null where there is no device.
std::shared_ptr<const std::vector<std::string>> device_models_of(const Hub& hub);

// `local_only`: only what the device itself may answer.
std::vector<ModelRow> list_models(const Settings& settings, const Hub& hub, bool local_only);
// One model, also with a route suffix; the errors are those of a request that names it.
base::Result<ModelRow> find_model(const Settings& settings, const Hub& hub, bool local_only,
                                  std::string_view text);

// What resolve_model reads, and the memory it borrows from.
class ResolveView {
 public:
  // `device_models`: null where there is no device.
  ResolveView(const Settings& settings, std::shared_ptr<const std::vector<std::string>> device_models);
  const catalog::ResolveInput& input() const { return input_; }
  ResolveView(const ResolveView&) = delete;
  ResolveView& operator=(const ResolveView&) = delete;

 private:
  const std::shared_ptr<const std::vector<std::string>> device_models_;
  const std::vector<std::string> enabled_;
  catalog::ResolveInput input_;
};

}  // namespace sluice::hub::gateway
