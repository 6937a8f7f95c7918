// The query and the ids of /admin/generations: any bytes are answered with JSON, and what is asked of the
// store stays within the limits of a page and within the caller's own key.
#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/check.h"
#include "hub/api/generations.h"
#include "hub/api/limits.h"

using namespace sluice;
using namespace sluice::hub;
using telemetry::StoredAttempt;

namespace {

// Gives one row to whoever asks for what it holds.
class OneRow final : public telemetry::RecordStore {
 public:
  base::Status append(std::span<const telemetry::AttemptRecord>) override { return {}; }
  base::Result<std::vector<StoredAttempt>> list(const telemetry::RecordQuery& query) override {
    CHECK(query.limit >= 1 && query.limit <= api::kMaxGenerationsListed);
    CHECK(query.since_ms >= 0 && query.before_id >= 0);
    CHECK(query.key_id == "key-1");
    return rows(query.route_id);
  }
  base::Result<std::vector<StoredAttempt>> find(std::string_view id,
                                                const std::optional<std::string>& key_id) override {
    CHECK(key_id == "key-1");
    if (id == "nobody") return std::vector<StoredAttempt>();
    return rows(std::string(id));
  }
  base::Result<std::vector<telemetry::RollUp>> roll_ups(std::int64_t, std::int64_t) override {
    return std::vector<telemetry::RollUp>();
  }
  base::Result<std::size_t> prune(const telemetry::Retention&, std::size_t) override {
    return std::size_t{0};
  }

 private:
  // What a client wrote comes back in the row, as it would from a real store.
  static std::vector<StoredAttempt> rows(const std::string& text) {
    std::vector<StoredAttempt> out(1);
    out[0].id = 1;
    out[0].record.attempt = 1;
    out[0].record.outcome = "whole";
    out[0].record.generation_id = out[0].record.route_id = out[0].record.model = text;
    return out;
  }
};

void check(const api::Reply& reply) {
  CHECK(reply.status == 200 || reply.status == 400 || reply.status == 404);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  CHECK(parser.parse(reply.body).get(root) == simdjson::SUCCESS);
  CHECK(root.is_object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static telemetry::Records records([] { return std::make_unique<OneRow>(); }, telemetry::RecordOptions{});
  static const bool is_open = records.store(std::chrono::seconds(20)) != nullptr;
  CHECK(is_open);
  static const gateway::Settings settings;
  static telemetry::Generations generations{4};
  gateway::Hub hub;
  hub.generations = &generations;
  access::KeyRecord key;
  key.id = "key-1";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  http::Request request;
  request.method = "GET";
  request.target = "/admin/generations?" + std::string(text);
  const api::Question question{.request = request,
                               .id = text,
                               .caller = &key,
                               .settings = settings,
                               .hub = hub,
                               .version = "0",
                               .not_ready = "",
                               .records = &records};
  check(api::list_generations(question)());
  check(api::show_generation(question)());
  return 0;
}
