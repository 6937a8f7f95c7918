// A scenario in one of its forms, with names: the model that a gateway is asked for and the upstreams behind
// it. What a drill needs to be set up (upstreams, addresses, configurations of gateways) follows from the
// list of plays alone, so it can be written down before anything runs.
#pragma once

#include <string>
#include <vector>

#include "app/drill/scenario.h"
#include "hub/simulator/script.h"

namespace sluice::app::drill {

struct Play {
  const Scenario* scenario = nullptr;
  bool stream = false;
  std::string model = {};  // "drill-cut-alone-stream"

  const Expect& expect() const { return stream ? *scenario->stream : *scenario->plain; }
  std::string upstream(std::size_t route) const;  // "drill-cut-alone-stream-a"; also the provider's id
};

// All rows, or those whose scenario is called `only`. `others_too`: without what only sluice promises.
std::vector<Play> all_plays(std::string_view only, bool for_sluice);

hub::simulator::UpstreamSettings settings_of(const Play& play, std::size_t route);

// Where a gateway finds the upstream of a route; `port` is the simulator's.
std::string base_url_of(const Play& play, std::size_t route, std::uint16_t port);

enum class ConfigForm : std::uint8_t { sluice, litellm, list };
std::optional<ConfigForm> config_form_of(std::string_view name);

// What a gateway must be told to be drilled, in its own form. JSON, which is YAML, except for the list.
std::string write_config(std::span<const Play> plays, std::uint16_t port, ConfigForm form);

}  // namespace sluice::app::drill
