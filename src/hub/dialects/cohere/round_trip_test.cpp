// What a model said goes back to it as it came: the plan with its calls, the thinking with its text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/cohere/encode_request.h"
#include "hub/dialects/cohere/upstream.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/play_answer.h"

namespace sluice::hub::dialects::cohere {
namespace {

using testing::HasSubstr;

const UpstreamHalf kHalf{.begin = begin_upstream};

std::string normal(const std::string& json) {
  const auto element = parse_json(json);
  return element ? minified(*element) : "no JSON: " + json;
}

TEST(hub_dialects_cohere_round_trip, sends_an_answer_back_as_it_came) {
  catalog::Surface surface;
  surface.base_url = "https://c.example";
  surface.paths = {{tasks::Kind::chat, "/m"}};
  catalog::Provider provider;
  provider.id = "cohere";
  provider.surfaces = {surface};
  for (
      const char* fields :
      {R"("content":[{"type":"thinking","thinking":"hm \"a\""},{"type":"text","text":"h\u00e9"}])",
       R"("tool_plan":"I will","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}])",
       R"("content":[{"type":"text","text":"and"}],"tool_plan":"so","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}])",
       R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}])"}) {
    tasks::ChatRequest request;
    request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
    const UpstreamCall call{.provider = &provider,
                            .surface = &provider.primary(),
                            .kind = tasks::Kind::chat,
                            .model = "command-a",
                            .request = &request};
    const std::string message = fmt::format(R"({{"role":"assistant",{}}})", fields);
    const Outcome outcome =
        play(kHalf, call,
             {.type = "application/json",
              .body = fmt::format(R"({{"id":"x","finish_reason":"COMPLETE","message":{}}})", message)});
    ASSERT_TRUE(outcome.done) << outcome.failed_with();
    request.messages.push_back(turn_of(outcome));
    DropList dropped;
    EXPECT_THAT(normal(encode_chat(request, "command-a", dropped)), HasSubstr(normal(message)));
    EXPECT_TRUE(dropped.take().empty());
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::cohere
