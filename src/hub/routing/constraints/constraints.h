// The functions behind the rows of all_constraints.cpp, by what they look at.
#pragma once

#include "hub/routing/constraint.h"

namespace sluice::hub::routing::constraints {

// Where the content may go.
std::string refuse_local_only(const Objection& about);
std::string refuse_data_collection(const Objection& about);
std::string refuse_retention(const Objection& about);
std::string refuse_region(const Objection& about);

// Who was chosen by name.
std::string refuse_only(const Objection& about);
std::string refuse_ignored(const Objection& about);
std::string refuse_outside_order(const Objection& about);
std::string refuse_without_credential(const Objection& about);
std::string refuse_quantization(const Objection& about);

// What it can do.
std::string refuse_task(const Objection& about);
std::string refuse_images(const Objection& about);
std::string refuse_audio(const Objection& about);
std::string refuse_documents(const Objection& about);
std::string refuse_tools(const Objection& about);
std::string refuse_structure(const Objection& about);
std::string refuse_context(const Objection& about);
std::string refuse_output(const Objection& about);

// What it may cost.
std::string refuse_max_price(const Objection& about);
std::string refuse_max_cost(const Objection& about);

}  // namespace sluice::hub::routing::constraints
