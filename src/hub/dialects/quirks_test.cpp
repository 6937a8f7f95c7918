#include "hub/dialects/quirks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects {
namespace {

using catalog::Quirk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Quirk quirk(std::string name, std::string parameter = "", std::string to = "",
            std::map<std::string, std::string> values = {}) {
  return {.name = std::move(name),
          .parameter = std::move(parameter),
          .to = std::move(to),
          .values = std::move(values)};
}

ScannedRequest scan(std::string_view body) {
  auto scanned = openai::scan_request(tasks::Kind::chat, http::Slice::copy_of(body));
  EXPECT_TRUE(scanned.has_value()) << (scanned ? "" : scanned.error().message) << "\n" << body;
  return scanned ? *std::move(scanned) : ScannedRequest();
}

struct Result {
  std::string body;
  std::vector<std::string> dropped;
};

Result edit(std::string_view body, std::vector<Quirk> quirks) {
  for (const Quirk& one : quirks) EXPECT_EQ(refuse_quirk(one), "");
  catalog::Surface surface;
  surface.quirks = std::move(quirks);
  const ScannedRequest request = scan(body);
  auto spliced = splice_request(request, surface, request.model);
  if (!spliced) return {"refused: " + spliced.error().message, {}};
  return {http::to_string(spliced->body), std::move(spliced->dropped)};
}

// The messages that come out of `messages`.
std::string edit_messages(std::string_view messages, std::vector<Quirk> quirks) {
  const std::string head = R"({"model":"m", "messages" : )";
  const std::string out = edit(head + std::string(messages) + " }", std::move(quirks)).body;
  EXPECT_TRUE(out.starts_with(head) && out.ends_with(" }")) << out;
  return out.substr(head.size(), out.size() - head.size() - 2);
}

TEST(hub_dialects_quirks, are_refused_when_they_cannot_be_applied) {
  EXPECT_EQ(refuse_quirk(quirk("drop", "store")), "");
  EXPECT_EQ(refuse_quirk(quirk("rename", "a", "b")), "");
  EXPECT_EQ(refuse_quirk(quirk("map_value", "a", "", {{"x", "y"}})), "");
  EXPECT_EQ(refuse_quirk(quirk("copy_json_schema", "", "guided_json")), "");
  EXPECT_THAT(refuse_quirk(quirk("dropp", "store")), HasSubstr("no quirk"));
  EXPECT_THAT(refuse_quirk(quirk("drop")), HasSubstr("needs 'parameter'"));
  EXPECT_THAT(refuse_quirk(quirk("drop", "a", "b")), HasSubstr("takes no 'to'"));
  EXPECT_THAT(refuse_quirk(quirk("rename", "a")), HasSubstr("needs 'to'"));
  EXPECT_THAT(refuse_quirk(quirk("map_value", "a")), HasSubstr("needs 'values'"));
  EXPECT_THAT(refuse_quirk(quirk("strip_nulls", "a")), HasSubstr("takes no 'parameter'"));
  EXPECT_THAT(refuse_quirk(quirk("drop", "a", "", {{"x", "y"}})), HasSubstr("takes no 'values'"));
  for (const char* fixed : {"model", "stream", "messages"}) {
    EXPECT_THAT(refuse_quirk(quirk("drop", fixed)), HasSubstr("cannot be edited"));
    EXPECT_THAT(refuse_quirk(quirk("rename", "x", fixed)), HasSubstr("cannot be edited"));
  }
}

TEST(hub_dialects_quirks, each_has_a_name_of_its_own_and_one_half) {
  std::vector<std::string_view> names;
  for (const QuirkRow& row : all_quirks()) {
    EXPECT_NE(row.apply == nullptr, row.apply_to_message == nullptr) << row.name;
    EXPECT_EQ(std::ranges::find(names, row.name), names.end());
    names.push_back(row.name);
  }
}

TEST(hub_dialects_quirks, what_is_dropped_is_named_once) {
  const Result out = edit(
      R"({"model":"m","messages":[{}],"store":true,"store":false,"user":null,"provider":{"local_only":false}})",
      {quirk("drop", "store"), quirk("drop", "user"), quirk("drop", "provider")});
  EXPECT_EQ(out.body, R"({"model":"m","messages":[{}]})");
  EXPECT_THAT(out.dropped, ElementsAre("store")) << "neither a null nor the hub's own parameter";
}

TEST(hub_dialects_quirks, map_value_knows_the_strings_it_names_and_no_other) {
  const std::vector<Quirk> map{quirk("map_value", "tool_choice", "", {{"required", "any"}})};
  EXPECT_EQ(edit(R"({"model":"m","messages":[{}],"tool_choice" : "requ\u0069red"})", map).body,
            R"({"model":"m","messages":[{}],"tool_choice" : "any"})");
  for (const char* other : {R"("auto")", R"({"type":"function","function":{"name":"required"}})", "null"}) {
    const std::string body = fmt::format(R"({{"model":"m","messages":[{{}}],"tool_choice":{}}})", other);
    EXPECT_EQ(edit(body, map).body, body);
  }
  EXPECT_THAT(edit(R"({"model":"m","messages":[{}],"tool_choice":"required"})", map).dropped, IsEmpty());
}

TEST(hub_dialects_quirks, each_sees_what_those_before_it_left) {
  EXPECT_EQ(edit(R"({"model":"m","messages":[{}],"a":"x"})",
                 {quirk("rename", "a", "b"), quirk("map_value", "b", "", {{"x", "y"}}),
                  quirk("rename", "b", "c"), quirk("map_value", "c", "", {{"y", "z"}})})
                .body,
            R"({"model":"m","messages":[{}],"c":"z"})");
  const Result out =
      edit(R"({"model":"m","messages":[{}],"a":"x"})", {quirk("rename", "a", "b"), quirk("drop", "b")});
  EXPECT_EQ(out.body, R"({"model":"m","messages":[{}]})");
  EXPECT_THAT(out.dropped, ElementsAre("a")) << "by the client's own name";
}

TEST(hub_dialects_quirks, drop_in_messages) {
  const std::vector<Quirk> drop{quirk("drop_in_messages", "reasoning_content")};
  EXPECT_EQ(edit_messages(R"([{"role":"user","content":"a"} , {"reasoning_content":"x","role":"assistant"}, )"
                          R"({"role":"assistant", "reasoning_content" : "y"} ,{"reasoning_content":""}])",
                          drop),
            R"([{"role":"user","content":"a"} , {"role":"assistant"}, {"role":"assistant"} ,{}])");
  EXPECT_THAT(edit(R"({"model":"m","messages":[{"reasoning_content":"x"}]})", drop).dropped,
              ElementsAre("messages.reasoning_content"));
  EXPECT_THAT(
      edit(R"({"model":"m","messages":[{"reasoning_content":null},{"reasoning_content":""}]})", drop).dropped,
      IsEmpty());
}

TEST(hub_dialects_quirks, rename_in_messages) {
  const std::vector<Quirk> rename{quirk("rename_in_messages", "reasoning_content", "reasoning")};
  EXPECT_EQ(edit_messages(R"([{"role":"assistant", "reasoning_content" : "x"}])", rename),
            R"([{"role":"assistant", "reasoning" : "x"}])");
  EXPECT_EQ(edit_messages(R"([{"reasoning_content":"x","reasoning":"x","a":1}])", rename),
            R"([{"reasoning":"x","a":1}])");
  EXPECT_EQ(edit_messages(R"([{"reasoning":null,"reasoning_content":"x"}])", rename),
            R"([{"reasoning":"x"}])");
  EXPECT_EQ(edit_messages(R"([{"reasoning_content":null,"a":1}])", rename), R"([{"a":1}])");
}

TEST(hub_dialects_quirks, map_in_messages) {
  EXPECT_EQ(edit_messages(R"([{"role":"developer","content":"developer"},{"role":"user"}])",
                          {quirk("map_in_messages", "role", "", {{"developer", "system"}})}),
            R"([{"role":"system","content":"developer"},{"role":"user"}])");
}

TEST(hub_dialects_quirks, unwrap_json_schema_keeps_the_schemas_bytes) {
  const std::string head = R"({"model":"m","messages":[{}],"response_format":)";
  const std::vector<Quirk> unwrap{quirk("unwrap_json_schema")};
  EXPECT_EQ(
      edit(
          head + R"({"type":"json_schema","json_schema":{"name":"n","schema":{ "x" :1e400},"strict":true}}})",
          unwrap)
          .body,
      head + R"({"type":"json_schema","schema":{ "x" :1e400}}})");
  for (const char* other : {R"({"type":"json_object"}})", R"({"type":"json_schema"}})", "null}",
                            R"({"type":"json_object","json_schema":{"schema":{}}}})"}) {
    EXPECT_EQ(edit(head + other, unwrap).body, head + other);
  }
}

TEST(hub_dialects_quirks, copy_json_schema_adds_it_once) {
  const std::vector<Quirk> copy{quirk("copy_json_schema", "", "guided_json")};
  EXPECT_EQ(
      edit(
          R"({"model":"m","messages":[{}],"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}})",
          copy)
          .body,
      R"({"model":"m","guided_json":{"a":1},"messages":[{}],"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}})");
  const std::string given =
      R"({"model":"m","messages":[{}],"guided_json":{},"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}})";
  EXPECT_EQ(edit(given, copy).body, given);
  EXPECT_EQ(edit(R"({"model":"m","messages":[{}]})", copy).body, R"({"model":"m","messages":[{}]})");
}

TEST(hub_dialects_quirks, loosen_json_schema_says_so) {
  const std::vector<Quirk> loosen{quirk("loosen_json_schema")};
  const Result out = edit(
      R"({"model":"m","messages":[{}],"tools":[{"function":{"strict":true,"name":"a"}},5,{"function":{"strict":false}}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"strict" : true,"schema":{"strict":true}}}})",
      loosen);
  EXPECT_EQ(
      out.body,
      R"({"model":"m","messages":[{}],"tools":[{"function":{"strict":false,"name":"a"}},5,{"function":{"strict":false}}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"strict" : false,"schema":{"strict":true}}}})");
  EXPECT_THAT(out.dropped, ElementsAre("strict"));
  const std::string loose = R"({"model":"m","messages":[{}],"tools":[{"function":{"strict":false}}]})";
  EXPECT_EQ(edit(loose, loosen).body, loose);
  EXPECT_THAT(edit(loose, loosen).dropped, IsEmpty());
}

TEST(hub_dialects_quirks, flatten_content_joins_texts_and_leaves_the_rest) {
  const std::vector<Quirk> flatten{quirk("flatten_content")};
  EXPECT_EQ(
      edit_messages(
          R"([{"role":"user","content":[{"type":"text","text":"a\n"},{"text":"\u00e9","type":"text"}]}])",
          flatten),
      R"([{"role":"user","content":"a\n\u00e9"}])");
  const std::string image =
      R"([{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}}]},{"content":"s"},{"content":[]},{"content":[7]}])";
  EXPECT_EQ(edit_messages(image, flatten), image);
  EXPECT_THAT(
      edit(
          R"({"model":"m","messages":[{"content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]})",
          flatten)
          .dropped,
      ElementsAre("messages.content.cache_control"));
}

TEST(hub_dialects_quirks, tool_ids_9_is_the_same_everywhere) {
  const std::string out = edit_messages(
      R"([{"role":"assistant","tool_calls":[{"id":"call_1","type":"function"},{"id":"abcDEF123"},{"id":"call_1"},7]},)"
      R"({"role":"tool","tool_call_id":"call_1"},{"role":"tool","tool_call_id":"call_2"},{"role":"tool","tool_call_id":"abcDEF123"}])",
      {quirk("tool_ids_9")});
  const auto id_after = [&](std::size_t from, std::string_view key) {
    const std::size_t at = out.find(key, from) + key.size();
    return out.substr(at, out.find('"', at) - at);
  };
  const std::string first = id_after(0, R"("id":")");
  EXPECT_EQ(first.size(), 9U);
  EXPECT_EQ(first.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            std::string::npos);
  EXPECT_THAT(out, HasSubstr(R"({"id":"abcDEF123"},{"id":")" + first + "\"}"));
  EXPECT_THAT(out, HasSubstr(R"("tool_call_id":")" + first + "\""));
  EXPECT_THAT(out, HasSubstr(R"("tool_call_id":"abcDEF123")"));
  EXPECT_NE(id_after(out.find("tool_call_id") + 30, R"("tool_call_id":")"), first);
}

TEST(hub_dialects_quirks, strip_nulls_keeps_a_message_its_content) {
  EXPECT_EQ(
      edit_messages(
          R"([{"role":"assistant","content":null,"function_call":null},{"content":null,"role":"assistant","tool_calls":[{"id":"a","x":null}],"name":null},{"a":null}])",
          {quirk("strip_nulls")}),
      R"([{"role":"assistant","content":null},{"role":"assistant","tool_calls":[{"id":"a"}]},{}])");
}

TEST(hub_dialects_quirks, compose_inside_one_message) {
  EXPECT_EQ(
      edit_messages(
          R"([{"role":"developer","content":[{"type":"text","text":"a"}],"x":null,"tool_calls":[{"id":"call_1","y":null}]}])",
          {quirk("strip_nulls"), quirk("tool_ids_9"), quirk("flatten_content"),
           quirk("map_in_messages", "role", "", {{"developer", "system"}}),
           quirk("rename_in_messages", "content", "text"), quirk("drop_in_messages", "tool_calls")}),
      R"([{"role":"system","text":"a"}])");
}

// Many edits come out as few slices, few edits leave the client's bytes where they are.
TEST(hub_dialects_quirks, keep_the_number_of_slices_bounded) {
  for (const std::size_t count : {kInnerEditsMax, kInnerEditsMax + 1}) {
    std::string list = "[";
    for (std::size_t i = 0; i < count; ++i) list += R"({"a":1,"x":null},)";
    list.back() = ']';
    const ScannedRequest request = scan(R"({"model":"m","messages":)" + list + "}");
    catalog::Surface surface;
    surface.quirks = {quirk("strip_nulls")};
    const auto spliced = splice_request(request, surface, "m");
    ASSERT_TRUE(spliced);
    EXPECT_EQ(spliced->body.size(), count > kInnerEditsMax ? 3U : count + 1);
    EXPECT_THAT(http::to_string(spliced->body), testing::Not(HasSubstr("null")));
  }
}

// Whatever the body and the quirks, the result scans again to the same model and as many messages.
TEST(hub_dialects_quirks, leave_valid_requests_behind) {
  constexpr std::string_view kMembers[] = {
      R"("role":"user")",
      R"("role" : "developer")",
      R"("content":null)",
      R"("content":[{"type":"text","text":"a"}, {"type":"text","text":""}])",
      R"("tool_calls":[{"id":"x" , "n":null},3,{"n":null}])",
      R"("tool_call_id" :"long id")",
      R"("reasoning_content":"hm")",
      R"("reasoning": "hm")",
      R"("x":null)"};
  std::vector<Quirk> all{quirk("strip_nulls"),
                         quirk("tool_ids_9"),
                         quirk("flatten_content"),
                         quirk("map_in_messages", "role", "", {{"developer", "system"}}),
                         quirk("rename_in_messages", "reasoning_content", "reasoning"),
                         quirk("rename_in_messages", "reasoning", "reasoning_content"),
                         quirk("drop_in_messages", "reasoning"),
                         quirk("drop_in_messages", "content"),
                         quirk("drop_in_messages", "tool_calls")};
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    base::Random random(seed);
    std::string body = R"({"model":"m","messages":[)";
    const std::uint64_t messages = 1 + random.below(4);
    for (std::uint64_t i = 0; i < messages; ++i) {
      body += i == 0 ? "{" : ",{";
      const std::uint64_t members = random.below(6);
      for (std::uint64_t j = 0; j < members; ++j) {
        body += j == 0 ? "" : random.below(2) == 0 ? "," : " , ";
        body += kMembers[random.below(std::size(kMembers))];
      }
      body += "}";
    }
    body += "]}";
    std::vector<Quirk> chosen;
    for (std::uint64_t i = random.below(5); i > 0; --i) chosen.push_back(all[random.below(all.size())]);
    const ScannedRequest after = scan(edit(body, chosen).body);
    ASSERT_EQ(after.messages, messages) << "seed " << seed << "\n" << body;
    ASSERT_EQ(after.model, "m");
  }
}

}  // namespace
}  // namespace sluice::hub::dialects
