// What a drill found, for people, scripts and documents.
#pragma once

#include <string>

#include "app/drill/drill.h"

namespace sluice::app::drill {

std::string write_table(const Report& report);     // aligned text, problems below their row, a summary
std::string write_json(const Report& report);      // an object a line, one for each row
std::string write_markdown(const Report& report);  // one line a scenario, both forms beside each other

// What must come of every row, from the table alone.
std::string write_reference();

}  // namespace sluice::app::drill
