// /admin/generations over a store whose content the test decides; the stores themselves are tested where they
// live.
#include "hub/api/generations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/api/limits.h"
#include "hub/gateway/settings.h"

namespace sluice::hub::api {
namespace {

using base::ErrorCode;
using base::Result;
using telemetry::AttemptRecord;
using telemetry::RecordQuery;
using telemetry::StoredAttempt;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Seen {
  RecordQuery query;
  std::string id;
  std::optional<std::string> key_id;
  std::vector<StoredAttempt> gives;
  bool fails = false;
};

class SpyStore final : public telemetry::RecordStore {
 public:
  explicit SpyStore(Seen& seen) : seen_(seen) {}
  base::Status append(std::span<const AttemptRecord>) override { return {}; }
  Result<std::vector<StoredAttempt>> list(const RecordQuery& query) override {
    seen_.query = query;
    if (seen_.fails) return base::fail(ErrorCode::io_failed, "the disk said no");
    return seen_.gives;
  }
  Result<std::vector<StoredAttempt>> find(std::string_view id,
                                          const std::optional<std::string>& key_id) override {
    seen_.id = id;
    seen_.key_id = key_id;
    return seen_.gives;
  }
  Result<std::vector<telemetry::RollUp>> roll_ups(std::int64_t, std::int64_t) override {
    return std::vector<telemetry::RollUp>();
  }
  Result<std::size_t> prune(const telemetry::Retention&, std::size_t) override { return std::size_t{0}; }

 private:
  Seen& seen_;
};

class hub_api_generations : public ::testing::Test {
 protected:
  hub_api_generations()
      : records_([this] { return std::make_unique<SpyStore>(seen_); }, telemetry::RecordOptions{}) {
    EXPECT_NE(records_.store(std::chrono::seconds(20)), nullptr);
    hub_.generations = &generations_;
    key_.id = "key-1";
  }

  Reply ask(Errand (*errand)(const Question&), std::string target, std::string_view id = "",
            const access::KeyRecord* caller = nullptr, bool kept = true) {
    http::Request request;
    request.method = "GET";
    request.target = std::move(target);
    const Question question{.request = request,
                            .id = id,
                            .caller = caller,
                            .settings = settings_,
                            .hub = hub_,
                            .version = "0",
                            .not_ready = "",
                            .records = kept ? &records_ : nullptr};
    return errand(question)();
  }
  Reply list(const std::string& query, const access::KeyRecord* caller = nullptr) {
    return ask(&list_generations, "/admin/generations?" + query, "", caller);
  }

  static StoredAttempt attempt(std::uint32_t number) {
    StoredAttempt row;
    row.id = 9'007'199'254'740'993;
    row.record.time_ms = 1'800'000'000'250;
    row.record.generation_id = "gen-1";
    row.record.request_id = "req_1";
    row.record.key_id = "key-1";
    row.record.model_asked = "m:cheapest";
    row.record.route_id = "groq/m";
    row.record.attempt = number;
    row.record.outcome = "failed";
    row.record.error = "timeout";
    return row;
  }

  Seen seen_;
  telemetry::Records records_;
  telemetry::Generations generations_{8};
  gateway::Hub hub_;
  gateway::Settings settings_;
  access::KeyRecord key_;
};

TEST_F(hub_api_generations, who_was_alone_is_explained_by_its_row) {
  seen_.gives = {attempt(1)};
  AttemptRecord& only = seen_.gives[0].record;
  EXPECT_THAT(ask(&show_generation, "/admin/generations/gen-1", "gen-1").body,
              HasSubstr(R"("explanation":null)"))
      << "nobody answered";
  only.outcome = "whole";
  only.reason = "first";
  only.provider = "groq";
  only.cost_expected = base::NanoUsd{100};
  EXPECT_THAT(ask(&show_generation, "/admin/generations/gen-1", "gen-1").body,
              AllOf(HasSubstr(R"("explanation":{"route_id":"groq/m","provider":"groq")"),
                    HasSubstr(R"("reason":"first","substituted":false,"expected_cost_usd":0.0000001)"),
                    HasSubstr(R"("only_candidate":true)")));
}

TEST_F(hub_api_generations, a_request_is_told_attempt_by_attempt_with_its_explanation) {
  seen_.gives = {attempt(1), attempt(2)};
  AttemptRecord& last = seen_.gives[1].record;
  last.outcome = "whole";
  last.error = "";
  last.status = 200;
  last.has_usage = true;
  last.usage.input.count = 20;
  last.cost = base::NanoUsd{1'500'000};
  last.first_token_s = 0.25;
  last.explanation_json = R"({"policy":"cheapest"})";
  const Reply reply = ask(&show_generation, "/admin/generations/gen-1", "gen-1", &key_);
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(
      reply.body,
      AllOf(HasSubstr(R"({"data":{"id":"gen-1","request_id":"req_1","key_id":"key-1")"),
            HasSubstr(R"("model_asked":"m:cheapest","attempts":[{"created_at":"2027-01-15T08:00:00.250Z")"),
            HasSubstr(R"("outcome":"failed","error":"timeout","status":null)"),
            HasSubstr(R"("first_token_ms":null)"), HasSubstr(R"("cost_usd":null)"),
            HasSubstr(R"("tokens":null)"), HasSubstr(R"("outcome":"whole","error":null,"status":200)"),
            HasSubstr(R"("first_token_ms":250)"), HasSubstr(R"("cost_usd":0.0015)"),
            HasSubstr(R"("tokens":{"input":20,"cached":0)"),
            HasSubstr(R"(}],"explanation":{"policy":"cheapest"}}})")));
  EXPECT_EQ(seen_.id, "gen-1");
  EXPECT_EQ(seen_.key_id, "key-1") << "a key sees its own";
}

TEST_F(hub_api_generations, memory_knows_the_providers_id_too) {
  telemetry::Generation known;
  known.id = "gen-1";
  known.request_id = "req_1";
  known.upstream_id = "chatcmpl-theirs";
  known.key_id = "key-1";
  generations_.add(known);
  ask(&show_generation, "/admin/generations/chatcmpl-theirs", "chatcmpl-theirs", &key_);
  EXPECT_EQ(seen_.id, "req_1");
  access::KeyRecord other;
  other.id = "key-2";
  ask(&show_generation, "/admin/generations/chatcmpl-theirs", "chatcmpl-theirs", &other);
  EXPECT_EQ(seen_.id, "chatcmpl-theirs") << "not under another key";
}

TEST_F(hub_api_generations, what_is_not_known_is_a_404_that_says_why) {
  const Reply unknown = ask(&show_generation, "/admin/generations/x", "x", &key_);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("no record of 'x' under this key"));
  const Reply off = ask(&show_generation, "/admin/generations/x", "x", &key_, false);
  EXPECT_EQ(off.status, 404);
  EXPECT_THAT(off.body, HasSubstr("records.enabled"));
}

TEST_F(hub_api_generations, lists_pages_of_one_route) {
  seen_.gives = {attempt(1)};
  const Reply page = list("route=groq%2Fm&since=1800000000&before=77&limit=1", &key_);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(seen_.query.route_id, "groq/m");
  EXPECT_EQ(seen_.query.since_ms, 1'800'000'000'000);
  EXPECT_EQ(seen_.query.before_id, 77);
  EXPECT_EQ(seen_.query.limit, 1u);
  EXPECT_EQ(seen_.query.key_id, "key-1");
  EXPECT_THAT(page.body, AllOf(HasSubstr(R"({"object":"list","data":[{"id":"gen-1")"),
                               HasSubstr(R"(}],"next":"9007199254740993"})")));
  EXPECT_THAT(list("limit=2").body, HasSubstr(R"("next":null)")) << "the last page";
  EXPECT_EQ(seen_.query.key_id, std::nullopt) << "without keys there is one caller";
}

TEST_F(hub_api_generations, nonsense_is_refused_by_name) {
  EXPECT_EQ(list(fmt::format("limit={}", kMaxGenerationsListed)).status, 200);
  for (const std::string& query :
       {fmt::format("limit={}", kMaxGenerationsListed + 1), std::string("limit=0"), std::string("limit=-1"),
        std::string("before=x"), std::string("since="), std::string("since=99999999999999999999")}) {
    const Reply refused = list(query);
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_THAT(refused.body, HasSubstr(query.substr(0, query.find('=')) + ": expected")) << query;
  }
  EXPECT_THAT(list("rout=x").body, HasSubstr("did you mean route?"));
}

TEST_F(hub_api_generations, a_store_that_fails_is_an_error_and_no_empty_page) {
  seen_.fails = true;
  EXPECT_GE(list("").status, 500);
}

}  // namespace
}  // namespace sluice::hub::api
