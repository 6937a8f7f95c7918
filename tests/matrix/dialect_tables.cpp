// Prints the tables that the matrix walks, as JSON: every dialect with its halves, every task route with its
// front.
#include <cstdio>
#include <string>

#include "base/json_writer.h"
#include "hub/api/routes.h"
#include "hub/dialects/dialect.h"

int main() {
  std::string out;
  sluice::base::JsonWriter json(out);
  json.begin_object().key("dialects").begin_array();
  for (const auto* dialect : sluice::hub::dialects::all_dialects()) {
    json.begin_object().field("name", dialect->name);
    json.field("upstream", dialect->upstream.has_value())
        .field("downstream", dialect->downstream.has_value());
    json.end_object();
  }
  json.end_array().key("routes").begin_array();
  for (const auto& route : sluice::hub::api::all_routes()) {
    if (!route.task) continue;
    json.begin_object().field("path", route.path).field("front", route.front);
    json.field("task", sluice::hub::tasks::name_of(*route.task)).end_object();
  }
  json.end_array().end_object();
  std::puts(out.c_str());
  return 0;
}
