// What a model said goes back to it as it came: every part with its own signature, calls with their own ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/gemini/encode_request.h"
#include "hub/dialects/gemini/upstream.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/play_answer.h"

namespace sluice::hub::dialects::gemini {
namespace {

using testing::HasSubstr;

const UpstreamHalf kHalf{.begin = begin_upstream};

// `"thoughtSignature":"..."` on some.
std::string signature(base::Random& random, std::string_view name) {
  return random.below(2) == 0 ? std::string()
                              : fmt::format(R"(,"thoughtSignature":"{}{}")", name, random.below(100));
}

// Parts as a model writes them: thoughts, then text, then calls; each kind maybe.
std::vector<std::string> write_parts(base::Random& random) {
  std::vector<std::string> parts;
  if (random.below(2) == 0) {
    // Thoughts without a signature between them are one piece of thinking, here as well as there.
    parts.push_back(
        fmt::format(R"({{"text":"hm {}","thought":true{}}})", random.below(9), signature(random, "R")));
  }
  if (random.below(3) > 0)
    parts.push_back(fmt::format(R"({{"text":"h\u00e9 \"{}\""{}}})", random.below(9), signature(random, "T")));
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    const std::string id = random.below(2) == 0 ? "" : fmt::format(R"("id":"own{}",)", random.below(1000));
    parts.push_back(
        fmt::format(R"({{"functionCall":{{{}"name":"f{}","args":{{"a":[1,"\\u00e9"],"b":{{}}}}}}{}}})", id,
                    random.below(3), signature(random, "C")));
  }
  if (parts.empty()) parts.emplace_back(R"({"text":"x"})");
  return parts;
}

// The parts once through a parser, so that escapes are spelt alike.
std::string normal(const std::string& json) {
  const auto element = parse_json(json);
  return element ? minified(*element) : "no JSON: " + json;
}

TEST(hub_dialects_gemini_round_trip, sends_an_answer_back_as_it_came) {
  catalog::Surface surface;
  surface.base_url = "https://g.example";
  surface.paths = {{tasks::Kind::chat, "/m"}};
  catalog::Provider provider;
  provider.id = "google";
  provider.surfaces = {surface};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    base::Random random(seed);
    const std::vector<std::string> parts = write_parts(random);
    tasks::ChatRequest request;
    request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
    request.stream = random.below(2) == 0;
    const UpstreamCall call{.provider = &provider,
                            .surface = &provider.primary(),
                            .kind = tasks::Kind::chat,
                            .model = "gemini-2.5-pro",
                            .request = &request};
    const std::string all = fmt::format("[{}]", fmt::join(parts, ","));
    Answer answer;
    if (request.stream) {
      for (const std::string& part : parts)
        answer.body +=
            fmt::format("data: {{\"candidates\":[{{\"content\":{{\"parts\":[{}]}}}}]}}\r\n\r\n", part);
      answer.body += "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n";
    } else {
      answer.type = "application/json";
      answer.body =
          fmt::format(R"({{"candidates":[{{"content":{{"parts":{}}},"finishReason":"STOP"}}]}})", all);
    }
    const Outcome outcome = play(kHalf, call, answer);
    ASSERT_TRUE(outcome.done) << all << outcome.failed_with();
    request.messages.push_back(turn_of(outcome));
    DropList dropped;
    const auto body = encode_chat(request, "gemini-2.5-pro", dropped);
    ASSERT_TRUE(body);
    EXPECT_THAT(normal(*body), HasSubstr(normal(fmt::format(R"({{"role":"model","parts":{}}})", all))))
        << "seed " << seed;
    EXPECT_TRUE(dropped.take().empty());
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::gemini
