// What a configuration means for the choice of routes: read from YAML, judged by the very choice that
// requests meet.
#include "app/server/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/choose_routes.h"

namespace sluice::app::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace gateway = hub::gateway;

class app_server_snapshot : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-snapshot-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    world_.working_directory = folder_.string();
    world_.environment = {{"HOME", folder_.string()}};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  base::Result<Snapshot> make(const std::string& yaml) {
    std::FILE* out = std::fopen((folder_ / "sluice.yaml").c_str(), "w");
    std::fwrite(yaml.data(), 1, yaml.size(), out);
    std::fclose(out);
    SLUICE_TRY(const auto loaded, load_config({.file = "", .flags = {}}, world_));
    return make_snapshot(loaded.config, world_);
  }
  std::string refusal(const std::string& yaml) {
    const auto made = make(yaml);
    return made ? "accepted" : made.error().message;
  }
  static gateway::Choice choose(const Snapshot& snapshot, const std::string& model,
                                const std::string& more = "") {
    const auto* front = hub::dialects::find_dialect("openai");
    const auto scanned = front->downstream->scan(
        hub::tasks::Kind::chat,
        http::Slice::of(R"({"model":")" + model + R"(","messages":[{"role":"user","content":"Hi"}])" + more +
                        "}"));
    return gateway::choose_routes(
        {.settings = *snapshot.api->gateway, .front = *front, .scanned = *scanned, .now = {}});
  }
  static std::vector<std::string> providers(const gateway::Choice& choice) {
    std::vector<std::string> out;
    for (const auto& ranked : choice.decision.ranked)
      out.emplace_back(choice.options[ranked.option].candidate.provider_id());
    return out;
  }

  std::filesystem::path folder_;
  Surroundings world_;
};

constexpr const char* kProviders = R"(
providers:
  groq: {api_key: a, data_policy: {retains: true, trains: true}}
  deepinfra: {api_key: b, data_policy: {retains: false, trains: false}}
)";
constexpr const char* kRoutes =
    "routes: [{provider: groq, model: x, price: {input: 1, output: 1}}, {provider: deepinfra, model: x, "
    "price: "
    "{input: 9, output: 9}}]";

TEST_F(app_server_snapshot, wishes_of_a_name_hold_for_that_name) {
  const auto snapshot =
      make(std::string(kProviders) + "models:\n  plain: {" + kRoutes + "}\n  private: {" + kRoutes +
           ", wishes: {zdr: true}}\n  thrifty: {" + kRoutes + ", wishes: {sort: price}}\n");
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(providers(choose(*snapshot, "plain")), ElementsAre("groq", "deepinfra"));
  EXPECT_THAT(providers(choose(*snapshot, "private")), ElementsAre("deepinfra")) << "who retains is left out";
  EXPECT_THAT(providers(choose(*snapshot, "private", R"(,"provider":{"zdr":false})")),
              ElementsAre("deepinfra"))
      << "nobody takes a promise back";
  EXPECT_EQ(choose(*snapshot, "thrifty").decision.policy, "cheapest");
  EXPECT_EQ(choose(*snapshot, "plain").decision.policy, "preferred");
}

TEST_F(app_server_snapshot, wishes_of_another_name_of_a_known_model_are_found) {
  const auto snapshot =
      make(std::string(kProviders) +
           "models:\n  llama: {same_as: meta-llama/Llama-3.3-70B-Instruct, wishes: {zdr: true}}\n");
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(providers(choose(*snapshot, "llama")), ElementsAre("deepinfra"));
  EXPECT_THAT(providers(choose(*snapshot, "llama:cheapest")), ElementsAre("deepinfra"));
  EXPECT_THAT(choose(*snapshot, "llama:groq").refusal->message, HasSubstr("zdr"))
      << "a pin breaks no promise";
  EXPECT_EQ(providers(choose(*snapshot, "meta-llama/Llama-3.3-70B-Instruct")).size(), 2u)
      << "the model's own name says nothing of zdr";
}

TEST_F(app_server_snapshot, wishes_of_the_process_hold_for_all_and_mistakes_are_named) {
  const auto snapshot =
      make(std::string(kProviders) + "wishes: {data_collection: deny}\nmodels: {plain: {" + kRoutes + "}}\n");
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_THAT(providers(choose(*snapshot, "plain")), ElementsAre("deepinfra"));
  EXPECT_THAT(refusal("wishes: {zdr: maybe}\n"), HasSubstr("wishes.zdr"));
  EXPECT_THAT(refusal(std::string(kProviders) + "models: {m: {" + kRoutes + ", wishes: {order: [grok]}}}\n"),
              testing::AllOf(HasSubstr("models.m.wishes.order"), HasSubstr("groq")));
  EXPECT_EQ(refusal("providers: {mine: {api_key: k, base_url: 'http://127.0.0.1:1', dialect: openai}}\n"
                    "wishes: {order: [mine]}\n"),
            "accepted")
      << "a provider of the configuration's own may be named";
}

}  // namespace
}  // namespace sluice::app::server
