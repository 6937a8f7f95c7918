#include "hub/gateway/models.h"

#include <algorithm>

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using base::fail;

base::Result<ModelRow> row_of(const ResolveView& view, bool local_only, std::string_view text) {
  SLUICE_TRY(auto resolution, catalog::resolve_model(text, view.input()));
  ModelRow row{.id = std::move(resolution.model), .candidates = std::move(resolution.candidates)};
  if (local_only) std::erase_if(row.candidates, [](const auto& candidate) { return !candidate.is_device(); });
  if (row.candidates.empty())
    return fail(ErrorCode::not_found,
                "'{}' exists, but nothing on this machine serves it, and only this "
                "machine may answer",
                text);
  return row;
}

}  // namespace

std::shared_ptr<const std::vector<std::string>> device_models_of(const Hub& hub) {
  return hub.device != nullptr && hub.device_models ? hub.device_models() : nullptr;
}

ResolveView::ResolveView(const Settings& settings,
                         std::shared_ptr<const std::vector<std::string>> device_models)
    : device_models_(std::move(device_models)), enabled_(settings.enabled.ids()) {
  input_.catalog = settings.catalog.get();
  input_.offers = settings.offers.get();
  input_.enabled = enabled_;
  input_.configured = settings.models;
  if (device_models_) input_.device_models = *device_models_;
  input_.default_route = settings.default_route;
}

std::vector<ModelRow> list_models(const Settings& settings, const Hub& hub, bool local_only) {
  const ResolveView view(settings, device_models_of(hub));
  std::vector<ModelRow> rows;
  for (const std::string& name : catalog::known_models(view.input())) {
    // A configured model whose providers are all switched off is no model that anybody can ask for.
    if (auto row = row_of(view, local_only, name)) rows.push_back(std::move(*row));
  }
  return rows;
}

base::Result<ModelRow> find_model(const Settings& settings, const Hub& hub, bool local_only,
                                  std::string_view text) {
  return row_of(ResolveView(settings, device_models_of(hub)), local_only, text);
}

}  // namespace sluice::hub::gateway
