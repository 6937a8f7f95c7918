// What is known of each route, for people and scrapers: GET /admin/routes, and the gauges of /metrics. Any
// loop; from memory. A route's name may hold what a client wrote (a pinned model), so it is written with
// care.
#pragma once

#include <span>
#include <string>

#include "hub/api/routes.h"
#include "hub/health/health.h"

namespace sluice::hub::api {

Reply reply_routes(const Question& question);

// Prometheus text 0.0.4, to follow the rest. Of more than kRoutesMeasuredMax routes those heard of last.
std::string route_metrics(std::span<const health::Row> rows);

}  // namespace sluice::hub::api
