// Quirks: named edits of a request for providers that deviate from their dialect. A provider's file lists
// them; each name is one small function here, and no code asks who the provider is. They are applied in the
// order of the file, each to what those before it left.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/catalog/provider.h"
#include "hub/dialects/edit_plan.h"

namespace sluice::hub::dialects {

// One element of `messages`.
struct MessageEdit {
  ObjectEdit object;
  std::vector<ObjectEdit> calls;  // the elements of its tool_calls that are objects
  EditPlan& plan;                 // for note_dropped() only
};

// One row of the table of quirks.
struct QuirkRow {
  std::string_view name;
  // What the row of a provider's file must hold beside the name, and nothing else.
  bool has_parameter = false;
  bool has_to = false;
  bool has_values = false;
  // One of the two. `apply` fails with invalid_argument when the request cannot be carried.
  base::Status (*apply)(const catalog::Quirk& quirk, EditPlan& plan) = nullptr;
  void (*apply_to_message)(const catalog::Quirk& quirk, MessageEdit& message) = nullptr;
};
std::span<const QuirkRow> all_quirks();

// "" when `quirk` can be applied, else why not: provider files are checked with it.
std::string refuse_quirk(const catalog::Quirk& quirk);

base::Status apply_quirks(std::span<const catalog::Quirk> quirks, EditPlan& plan);

}  // namespace sluice::hub::dialects
