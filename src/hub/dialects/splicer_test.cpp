#include "hub/dialects/splicer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "base/random.h"
#include "hub/catalog/catalog.h"
#include "hub/dialects/openai/scan.h"

namespace sluice::hub::dialects {
namespace {

using base::Random;
using catalog::StreamUsage;
using testing::HasSubstr;

ScannedRequest scan(std::string_view body) {
  auto scanned = openai::scan_request(tasks::Kind::chat, http::Slice::copy_of(body));
  EXPECT_TRUE(scanned.has_value()) << (scanned ? "" : scanned.error().message) << "\n" << body;
  return scanned ? *std::move(scanned) : ScannedRequest();
}

catalog::Surface surface_with(std::vector<catalog::Quirk> quirks,
                              StreamUsage usage = StreamUsage::when_asked) {
  catalog::Surface surface;
  surface.quirks = std::move(quirks);
  surface.stream_usage = usage;
  return surface;
}

std::string splice(std::string_view body, std::vector<catalog::Quirk> quirks = {},
                   std::string_view model = "own/id") {
  const auto spliced = splice_request(scan(body), surface_with(std::move(quirks)), model, true);
  return spliced ? http::to_string(spliced->body) : "refused: " + spliced.error().message;
}

TEST(hub_dialects_splicer, replaces_the_model_and_nothing_else) {
  EXPECT_EQ(splice(R"({ "messages" :[ {} ], "x":1e400,"x":  2,"mod\u0065l" : "m:groq"  } )"),
            R"({ "messages" :[ {} ], "x":1e400,"x":  2,"mod\u0065l" : "own/id"  } )");
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}]})", {}, "quote\"d\n"),
            R"({"model":"quote\"d\n","messages":[{}]})");
  // The same id in other escapes stays as it came.
  EXPECT_EQ(splice(R"({"model":"\u006d","messages":[{}]})", {}, "m"),
            R"({"model":"\u006d","messages":[{}]})");
}

constexpr std::string_view kWishes =
    R"({"provider":{"order":["groq"],"zdr":true,"deadline_ms":5,"local_only":false},"models":["b"],)"
    R"("model":"m","deadline_ms":5,"max_cost_usd":1,"weights":{},"messages":[{}],"hedge":true,"explain":true})";

TEST(hub_dialects_splicer, sends_no_wish_to_anybody) {
  EXPECT_EQ(splice(kWishes), R"({"model":"own/id","messages":[{}]})");
  const auto spliced = splice_request(scan(kWishes), surface_with({}), "m", true);
  ASSERT_TRUE(spliced);
  EXPECT_TRUE(spliced->dropped.empty()) << "the provider misses nothing without them";
}

TEST(hub_dialects_splicer, no_provider_file_drops_what_goes_to_nobody_anyway) {
  for (const auto& provider : catalog::Catalog::built_in()->providers())
    for (const auto& surface : provider->surfaces)
      for (const auto& quirk : surface.quirks)
        EXPECT_FALSE(quirk.name == "drop" && is_hub_parameter(quirk.parameter)) << provider->id;
}

TEST(hub_dialects_splicer, who_routes_by_itself_gets_the_promises_and_its_own_names_only) {
  catalog::Surface router = surface_with({});
  router.extensions = {"provider_routing"};
  ScannedRequest request = scan(kWishes);
  EXPECT_EQ(http::to_string(splice_request(request, router, "m", true)->body),
            R"({"provider":{"zdr":true},"model":"m","messages":[{}]})");
  request.is_pinned = true;
  EXPECT_EQ(http::to_string(splice_request(request, router, "m", true)->body),
            R"({"provider":{"order":["groq"],"zdr":true},"model":"m","messages":[{}]})");
  const ScannedRequest ours = scan(R"({"model":"m","provider":{"explain":true},"messages":[{}]})");
  EXPECT_EQ(http::to_string(splice_request(ours, router, "m", true)->body),
            R"({"model":"m","messages":[{}]})");
  const ScannedRequest theirs = scan(R"({"model":"m","provider":{ "sort" : "price" },"messages":[{}]})");
  EXPECT_EQ(http::to_string(splice_request(theirs, router, "m", true)->body),
            R"({"model":"m","provider":{"sort":"price"},"messages":[{}]})");
}

TEST(hub_dialects_splicer, does_not_copy_what_it_keeps) {
  const ScannedRequest request =
      scan(R"({"messages":[{"content":")" + std::string(1000, 'x') + R"("}],"model":"m"})");
  const auto spliced = splice_request(request, surface_with({}), "other", true);
  ASSERT_TRUE(spliced);
  ASSERT_EQ(spliced->body.size(), 3U);
  EXPECT_EQ(spliced->body[0].data(), request.body.data());
  EXPECT_EQ(spliced->body[2].data(), request.body.data() + request.body.size() - 1);
}

TEST(hub_dialects_splicer, asks_for_usage_only_where_a_stream_does_not_say) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"model":"m","messages":[{}],"stream":true})",
       R"({"model":"own/id","stream_options":{"include_usage":true},"messages":[{}],"stream":true})"},
      {R"({"model":"m","messages":[{}],"stream":true,"stream_options":{}})",
       R"({"model":"own/id","messages":[{}],"stream":true,"stream_options":{"include_usage":true}})"},
      {R"({"model":"m","messages":[{}],"stream":true,"stream_options":{ "x":1}})",
       R"({"model":"own/id","messages":[{}],"stream":true,"stream_options":{"include_usage":true, "x":1}})"},
      {R"({"model":"m","messages":[{}],"stream":true,"stream_options":null})",
       R"({"model":"own/id","messages":[{}],"stream":true,"stream_options":{"include_usage":true}})"},
      {R"({"model":"m","messages":[{}],"stream":true,"stream_options":{"x":0,"include\u005fusage":null}})",
       R"({"model":"own/id","messages":[{}],"stream":true,"stream_options":{"x":0,"include\u005fusage":true}})"},
      {R"({"model":"m","messages":[{}],"stream":true,"stream_options":{"include_usage":false}})",
       R"({"model":"own/id","messages":[{}],"stream":true,"stream_options":{"include_usage":false}})"},
      {R"({"model":"m","messages":[{}],"stream":false})",
       R"({"model":"own/id","messages":[{}],"stream":false})"},
  };
  for (const auto& [body, expected] : kCases) EXPECT_EQ(splice(body), expected);
  const ScannedRequest request = scan(kCases[0].first);
  EXPECT_TRUE(splice_request(request, surface_with({}), "m", true)->asked_usage);
  EXPECT_FALSE(splice_request(request, surface_with({}, StreamUsage::always), "m", true)->asked_usage);
  EXPECT_FALSE(splice_request(scan(kCases[5].first), surface_with({}), "m", true)->asked_usage);
}

TEST(hub_dialects_splicer, drops_a_parameter_with_one_comma) {
  const std::vector<catalog::Quirk> drop{{.name = "drop", .parameter = "store", .to = "", .values = {}}};
  EXPECT_EQ(splice(R"({"store":true, "model":"m","messages":[{}]})", drop),
            R"({"model":"own/id","messages":[{}]})");
  EXPECT_EQ(splice(R"({"model":"m", "store":true ,"messages":[{}]})", drop),
            R"({"model":"own/id" ,"messages":[{}]})");
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}] , "store":true })", drop),
            R"({"model":"own/id","messages":[{}] })");
  EXPECT_EQ(
      splice(R"({"store":1,"store":2,"model":"m","store":3,"store":4,"messages":[{}],"store":5})", drop),
      R"({"model":"own/id","messages":[{}]})");
  EXPECT_EQ(splice(R"({"model":"m","s\u0074ore":1,"messages":[{}],"stream":true})", drop),
            R"({"model":"own/id","stream_options":{"include_usage":true},"messages":[{}],"stream":true})");
}

TEST(hub_dialects_splicer, renames_a_parameter) {
  const std::vector<catalog::Quirk> rename{
      {.name = "rename", .parameter = "max_completion_tokens", .to = "max_tokens", .values = {}}};
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}],"max_completion_tokens" : 5})", rename),
            R"({"model":"own/id","messages":[{}],"max_tokens" : 5})");
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}],"max_completion_tokens":5,"max_tokens":null})", rename),
            R"({"model":"own/id","messages":[{}],"max_tokens":5})");
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}],"max_completion_tokens":null,"max_tokens":6})", rename),
            R"({"model":"own/id","messages":[{}],"max_tokens":6})");
  const auto both =
      splice_request(scan(R"({"model":"m","messages":[{}],"max_completion_tokens":5,"max_tokens":6})"),
                     surface_with(rename), "m");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(both.error().parameter, "max_completion_tokens");
  // The other direction is the same quirk.
  EXPECT_EQ(
      splice(R"({"model":"m","messages":[{}],"max_tokens":5})",
             {{.name = "rename", .parameter = "max_tokens", .to = "max_completion_tokens", .values = {}}}),
      R"({"model":"own/id","messages":[{}],"max_completion_tokens":5})");
}

TEST(hub_dialects_splicer, applies_quirks_in_order) {
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}],"seed":1,"random_seed":2})",
                   {{.name = "drop", .parameter = "random_seed", .to = "", .values = {}},
                    {.name = "rename", .parameter = "seed", .to = "random_seed", .values = {}}}),
            R"({"model":"own/id","messages":[{}],"random_seed":1})");
  EXPECT_EQ(splice(R"({"model":"m","messages":[{}],"seed":1})",
                   {{.name = "drop", .parameter = "seed", .to = "", .values = {}},
                    {.name = "rename", .parameter = "seed", .to = "random_seed", .values = {}}}),
            R"({"model":"own/id","messages":[{}]})");
}

TEST(hub_dialects_splicer, handles_twenty_megabytes) {
  std::string body =
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,)";
  body.append(20'000'000, 'A');
  const std::string head = body + R"("}}]}],"model":")";
  EXPECT_EQ(splice(head + R"(m:groq"})"), head + R"(own/id"})");
}

// --- property: bodies of every odd shape, put together beside the bytes that must come out

// Writes one random body and, at the same time, what the splice must make of it.
class BodyMaker {
 public:
  explicit BodyMaker(Random& random) : random_(random) {}

  std::string body, expected;

  void make() {
    both("{");
    const std::uint64_t members = 2 + random_.below(8);
    const std::uint64_t model_at = random_.below(members);
    std::uint64_t messages_at = random_.below(members - 1);
    messages_at += messages_at >= model_at ? 1 : 0;
    const std::uint64_t rename_at = random_.below(2 * members);
    for (std::uint64_t i = 0; i < members; ++i) {
      if (i > 0) both(",");
      space();
      if (i == model_at) {
        model();
      } else if (i == messages_at) {
        both(escaped("messages") + colon() + "[" + object() + "," + object() + "]");
      } else if (i == rename_at) {
        const std::string value = colon() + std::to_string(random_.below(1000));
        body += escaped("max_completion_tokens") + value;
        expected += "\"max_tokens\"" + value;
      } else {
        both(name() + colon() + value(3));
      }
      space();
    }
    both("}");
    space();
  }

 private:
  void both(const std::string& text) {
    body += text;
    expected += text;
  }
  std::string spaces() {
    constexpr std::string_view kSpaces = " \t\r\n";
    std::string text;
    for (std::uint64_t i = random_.below(4) * random_.below(2); i > 0; --i) text += kSpaces[random_.below(4)];
    return text;
  }
  void space() { both(spaces()); }
  std::string colon() { return spaces() + ":" + spaces(); }

  // The name with some letters written as \u escapes.
  std::string escaped(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      const int code = c;
      const std::uint64_t form = random_.below(16);
      out += form == 0   ? fmt::format("\\u{:04x}", code)
             : form == 1 ? fmt::format("\\u{:04X}", code)
                         : std::string(1, c);
    }
    return out + "\"";
  }
  void model() {
    both(escaped("model") + colon());
    body += escaped("some/model:groq");
    expected += R"("own/id")";
  }
  std::string name() {
    constexpr std::string_view kNames[] = {"temperature", "x",      "",        "user", "seed",
                                           "logit_bias",  "model ", "model_s", "stop"};
    return escaped(kNames[random_.below(std::size(kNames))]);
  }
  std::string object() { return "{" + spaces() + name() + colon() + value(2) + spaces() + "}"; }
  std::string value(int depth) {
    constexpr std::string_view kScalars[] = {
        "1e400", "-0.0E-7", "123456789012345678901234567890",       "true",
        "null",  "\"\"",    "\"\\ud83d\\ude00 \\\" \xE2\x82\xAC\"", "\"model\"",
        "[]",    "{}"};
    if (depth == 0 || random_.below(2) == 0) return std::string(kScalars[random_.below(std::size(kScalars))]);
    if (random_.below(2) == 0) return object();
    return "[" + spaces() + value(depth - 1) + spaces() + "," + spaces() + value(depth - 1) + "]";
  }

  Random& random_;
};

TEST(hub_dialects_splicer, keeps_every_byte_of_10000_odd_bodies) {
  const std::vector<catalog::Quirk> rename{
      {.name = "rename", .parameter = "max_completion_tokens", .to = "max_tokens", .values = {}}};
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    Random random(seed);
    BodyMaker maker(random);
    maker.make();
    ASSERT_EQ(splice(maker.body, rename), maker.expected) << "seed " << seed << "\n" << maker.body;
  }
}

// Whatever is dropped, the rest stays member for member and the result is JSON again.
TEST(hub_dialects_splicer, drops_from_odd_bodies_and_keeps_the_rest) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Random random(seed);
    BodyMaker maker(random);
    maker.make();
    const std::string out = splice(maker.body,
                                   {{.name = "drop", .parameter = "x", .to = "", .values = {}},
                                    {.name = "drop", .parameter = "seed", .to = "", .values = {}},
                                    {.name = "drop", .parameter = "", .to = "", .values = {}}},
                                   "some/model:groq");
    const ScannedRequest before = scan(maker.body);
    const ScannedRequest after = scan(out);
    std::size_t i = 0;
    for (const Member& member : before.members) {
      if (member.name == "x" || member.name == "seed" || member.name.empty()) continue;
      ASSERT_LT(i, after.members.size()) << "seed " << seed << "\n" << maker.body << "\n" << out;
      ASSERT_EQ(after.members[i].key.in(out), member.key.in(maker.body)) << "seed " << seed;
      ASSERT_EQ(after.members[i].value.in(out), member.value.in(maker.body)) << "seed " << seed;
      ++i;
    }
    ASSERT_EQ(i, after.members.size()) << "seed " << seed << "\n" << maker.body << "\n" << out;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects
