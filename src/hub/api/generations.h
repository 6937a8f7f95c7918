// What became of a request, attempt by attempt, and why: from the records. Reading them may block, so each of
// these takes what it needs from the question and gives the rest as an errand.
#pragma once

#include "hub/api/routes.h"

namespace sluice::hub::api {

Errand list_generations(const Question& question);  // ?route=&since=&before=&limit=
Errand show_generation(
    const Question& question);  // {id}: of the answer, its request or the provider's answer

}  // namespace sluice::hub::api
