#include "hub/dialects/responses/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "hub/dialects/gather.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/responses/scan.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

catalog::Provider fake_provider() {
  catalog::Surface surface;
  surface.dialect = "responses";
  surface.base_url = "https://fake.example";
  surface.paths = {{tasks::Kind::chat, "/v1/responses"}};
  catalog::Provider provider;
  provider.id = "fake";
  provider.surfaces = {std::move(surface)};
  return provider;
}

// All that a machine said about one answer.
struct Outcome {
  std::string sent_url, sent_body, bytes;
  std::vector<std::string> dropped;
  std::vector<tasks::Event> events;
  bool done = false;
  std::optional<Fail> failure;

  template <typename Event>
  std::vector<Event> all() const {
    std::vector<Event> found;
    for (const tasks::Event& event : events)
      if (const auto* one = std::get_if<Event>(&event)) found.push_back(*one);
    return found;
  }
};

void drain(UpstreamMachine& machine, Outcome& outcome) {
  while (!outcome.done && !outcome.failure) {
    auto step = machine.next();
    if (!step) return;
    if (auto* send = std::get_if<Send>(&*step)) {
      outcome.sent_url = send->request.target;
      outcome.sent_body = http::to_string(send->request.body);
    } else if (auto* emit = std::get_if<Emit>(&*step)) {
      outcome.bytes += http::to_string(emit->bytes);
      outcome.events.insert(outcome.events.end(), emit->events.begin(), emit->events.end());
    } else if (auto* fail = std::get_if<Fail>(&*step)) {
      outcome.failure = std::move(*fail);
    } else {
      outcome.done = std::holds_alternative<Done>(*step);
    }
  }
}

enum class How : std::uint8_t { relayed, decoded };
using Cut = std::function<std::size_t()>;

Outcome play(const std::string& body, bool stream, How how, const Cut& cut = {}, int status = 200) {
  static const catalog::Provider provider = fake_provider();
  const auto scanned = scan_request(
      tasks::Kind::chat, http::Slice::borrowed(stream ? R"({"model":"m:fake","input":"hi","stream":true})"
                                                      : R"({"model":"m:fake","input":"hi"})"));
  tasks::ChatRequest request;
  request.model = "own/m";
  request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
  request.stream = stream;
  UpstreamCall call{.provider = &provider,
                    .surface = &provider.primary(),
                    .kind = tasks::Kind::chat,
                    .model = "own/m",
                    .request = &*scanned};
  if (how == How::decoded) call.request = &request;
  auto begun = begin_upstream(call);
  EXPECT_TRUE(begun);
  Outcome outcome;
  outcome.dropped = begun->dropped;
  UpstreamMachine& machine = *begun->machine;
  drain(machine, outcome);
  http::ResponseHead head{.status = status, .headers = {}};
  head.headers.add("content-type", stream && status == 200 ? "text/event-stream" : "application/json");
  machine.feed_head(head);
  for (std::size_t at = 0; at < body.size() && !outcome.done && !outcome.failure;) {
    const std::size_t size = cut ? cut() : body.size();
    machine.feed_body(http::Slice::copy_of(std::string_view(body).substr(at, size)));
    at += size;
    drain(machine, outcome);
  }
  if (!outcome.done && !outcome.failure) machine.feed_end();
  drain(machine, outcome);
  EXPECT_TRUE(outcome.done || outcome.failure);
  return outcome;
}

Outcome play_stream(const std::string& body, How how = How::decoded) {
  return play(body, true, how);
}
Outcome play_reply(const std::string& body, How how = How::decoded) {
  return play(body, false, how);
}

std::string event(std::string_view type, std::string_view members) {
  return fmt::format(
      "event: response.{0}\ndata: {{\"type\":\"response.{0}\",\"sequence_number\":1{2}{1}}}\n\n", type,
      members, members.empty() ? "" : ",");
}

const std::string kCreated = event(
    "created",
    R"("response":{"id":"resp_1","object":"response","created_at":7,"status":"in_progress","model":"M","output":[],"service_tier":"auto"})");
const std::string kAdded = event(
    "output_item.added",
    R"("output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]})");
std::string delta(std::string_view text) {
  return event("output_text.delta",
               fmt::format(R"("item_id":"msg_1","output_index":0,"content_index":0,"delta":"{}")", text));
}
std::string completed(std::string_view output, std::string_view more = R"("status":"completed")") {
  return event(
      "completed",
      fmt::format(
          R"("response":{{"id":"resp_1","model":"M","output":[{}],{},"usage":{{"input_tokens":11,"input_tokens_details":{{"cached_tokens":4}},"output_tokens":5,"output_tokens_details":{{"reasoning_tokens":2}},"total_tokens":16}}}})",
          output, more));
}
const std::string kMessage1 =
    R"({"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"ab","annotations":[]}]})";
const std::string kEnd = completed(kMessage1);
const std::string kWhole = kCreated + kAdded + delta("a") + delta("b") + kEnd;

std::string text_of(const Outcome& outcome) {
  std::string text;
  for (const auto& piece : outcome.all<tasks::TextDelta>()) text += piece.text;
  return text;
}

TEST(hub_dialects_responses_upstream, sends_the_clients_body_with_only_the_model_replaced) {
  const Outcome outcome = play_stream(kWhole, How::relayed);
  EXPECT_EQ(outcome.sent_url, "https://fake.example/v1/responses");
  EXPECT_EQ(outcome.sent_body, R"({"model":"own/m","input":"hi","stream":true})") << "and no stream_options";
}

TEST(hub_dialects_responses_upstream, relays_a_stream_as_it_came_and_learns_from_it) {
  const Outcome outcome = play_stream(": hello\n\n" + kWhole, How::relayed);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, ": hello\n\n" + kWhole);
  ASSERT_EQ(outcome.all<tasks::Started>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::Started>()[0].model, "M");
  ASSERT_EQ(outcome.all<tasks::Finished>().size(), 1U);
  ASSERT_EQ(outcome.all<tasks::UsageReport>().size(), 1U);
  const tasks::Usage usage = outcome.all<tasks::UsageReport>()[0].usage;
  EXPECT_EQ(usage.input.count, 11U);
  EXPECT_EQ(usage.cached.count, 4U);
  EXPECT_EQ(usage.output.count, 5U);
  EXPECT_EQ(usage.reasoning.count, 2U);
}

TEST(hub_dialects_responses_upstream, decodes_a_stream_once_however_often_it_repeats_itself) {
  const std::string repeated =
      kCreated + kAdded + delta("a") + delta("b") +
      event("output_text.done", R"("item_id":"msg_1","output_index":0,"content_index":0,"text":"ab")") +
      event("output_item.done", R"("output_index":0,"item":)" + kMessage1) + kEnd;
  EXPECT_EQ(text_of(play_stream(repeated)), "ab");
  EXPECT_EQ(text_of(play_stream(kCreated + kEnd)), "ab") << "only the end tells";
  EXPECT_EQ(text_of(play_stream(kCreated +
                                event("output_item.done", R"("output_index":0,"item":)" + kMessage1) + kEnd)),
            "ab");
  EXPECT_EQ(
      text_of(play_reply(R"({"id":"r","object":"response","status":"completed","model":"M","output":[)" +
                         kMessage1 + "]}")),
      "ab");
}

// What a stream says does not depend on how it was cut on its way.
TEST(hub_dialects_responses_upstream, reads_any_chunking_alike) {
  const Outcome whole = play_stream(kWhole);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    base::Random random(seed);
    const Outcome cut = play(kWhole, true, How::decoded, [&] { return 1 + random.below(40); });
    EXPECT_TRUE(cut.done);
    EXPECT_EQ(text_of(cut), text_of(whole));
    EXPECT_EQ(cut.events.size(), whole.events.size());
    EXPECT_EQ(play(kWhole, true, How::relayed, [&] { return 1 + random.below(40); }).bytes, kWhole);
  }
}

// c8: no [DONE], the end of the connection is the end of the stream; the last event may lack its blank line.
TEST(hub_dialects_responses_upstream, trap_no_done_ends_at_end_of_file) {
  EXPECT_TRUE(play_stream(kWhole).done);
  EXPECT_TRUE(play_stream(kWhole.substr(0, kWhole.size() - 2)).done);
}

// c8: OpenRouter sends [DONE] behind the dialect's own end; it may not be taken for a second one, nor for an
// end where the dialect's own is missing.
TEST(hub_dialects_responses_upstream, trap_done_after_the_dialects_own_end) {
  const Outcome outcome = play_stream(kWhole + "data: [DONE]\n\n");
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.all<tasks::Finished>().size(), 1U);
  EXPECT_TRUE(play_stream(kWhole + "data: [DONE]\n\n", How::relayed).done);
  const Outcome cut = play_stream(kCreated + kAdded + delta("a") + "data: [DONE]\n\n");
  ASSERT_TRUE(cut.failure);
  EXPECT_THAT(cut.failure->error.message, HasSubstr("no response.completed came"));
}

// c8: `event:` behind `data:` in one frame, and frames without `event:` at all.
TEST(hub_dialects_responses_upstream, trap_event_after_data) {
  std::string swapped, bare;
  std::size_t at = 0;
  while (at < kWhole.size()) {
    const std::size_t line = kWhole.find('\n', at), end = kWhole.find("\n\n", at);
    const std::string name = kWhole.substr(at, line - at), data = kWhole.substr(line + 1, end - line - 1);
    swapped += data + "\n" + name + "\n\n";
    bare += data + "\n\n";
    at = end + 2;
  }
  EXPECT_EQ(text_of(play_stream(swapped)), "ab");
  EXPECT_TRUE(play_stream(swapped).done);
  EXPECT_EQ(text_of(play_stream(bare)), "ab");
  EXPECT_EQ(play_stream(swapped, How::relayed).bytes, swapped);
}

// c8: the type may stand in the event's name alone.
TEST(hub_dialects_responses_upstream, trap_type_in_the_event_name_only) {
  const Outcome outcome = play_stream(
      "event: response.output_text.delta\ndata: {\"output_index\":0,\"content_index\":0,\"delta\":\"x\"}\n\n"
      "event: response.completed\ndata: {\"response\":{\"output\":[],\"status\":\"completed\"}}\n\n");
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(text_of(outcome), "x");
}

// c8: CRLF, no blank behind the colon, comment lines, keep-alives of another type.
TEST(hub_dialects_responses_upstream, trap_line_ends_comments_and_keepalives) {
  std::string crlf;
  for (const char c :
       kCreated + ": OPENROUTER PROCESSING\n\ndata:{\"type\":\"keepalive\",\"sequence_number\":3}\n\n" +
           kAdded + delta("ab") + kEnd)
    crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(text_of(play_stream(crlf)), "ab");
  EXPECT_EQ(play_stream(crlf, How::relayed).bytes, crlf);
}

// c8: DeepSeek tells its thinking as reasoning_text, OpenAI as summaries; what seals it comes with the item.
TEST(hub_dialects_responses_upstream, trap_reasoning_in_every_form) {
  const std::string item =
      R"({"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"s1"},{"type":"summary_text","text":"s2"}],"content":[{"type":"reasoning_text","text":"deep"}],"encrypted_content":"ENC"})";
  const std::string streamed =
      kCreated +
      event(
          "output_item.added",
          R"("output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"EARLY"})") +
      event("reasoning_summary_text.delta",
            R"("item_id":"rs_1","output_index":0,"summary_index":0,"delta":"s")") +
      event("reasoning_summary_text.delta",
            R"("item_id":"rs_1","output_index":0,"summary_index":0,"delta":"1")") +
      event("reasoning_summary_text.delta",
            R"("item_id":"rs_1","output_index":0,"summary_index":1,"delta":"s2")") +
      event("reasoning_text.delta", R"("item_id":"rs_1","output_index":0,"content_index":0,"delta":"deep")") +
      event("output_item.done", R"("output_index":0,"item":)" + item) + completed(item);
  for (const Outcome& outcome : {play_stream(streamed), play_stream(kCreated + completed(item))}) {
    const auto gathered = gather(outcome.events);
    ASSERT_TRUE(gathered);
    const auto& blocks = gathered->choices.at(0).blocks;
    ASSERT_EQ(blocks.size(), 3U);
    const auto part = [&](std::size_t i) { return std::get<tasks::ReasoningPart>(blocks[i]); };
    EXPECT_EQ(part(0).text + "|" + part(1).text + "|" + part(2).text, "s1|s2|deep");
    EXPECT_TRUE(part(0).summary && part(1).summary && !part(2).summary);
    EXPECT_EQ(part(0).encrypted + part(1).encrypted, "");
    EXPECT_EQ(part(2).encrypted, "ENC");
    EXPECT_EQ(part(2).id, "rs_1");
    EXPECT_EQ(part(2).dialect, "responses");
  }
  const std::string sealed = R"({"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"ENC"})";
  const auto gathered = gather(play_stream(kCreated + completed(sealed)).events);
  ASSERT_TRUE(gathered);
  EXPECT_EQ(std::get<tasks::ReasoningPart>(gathered->choices.at(0).blocks.at(0)).encrypted, "ENC");
}

TEST(hub_dialects_responses_upstream, decodes_parallel_calls) {
  const auto call = [](int index, std::string_view id, std::string_view arguments) {
    return fmt::format(
        R"({{"id":"fc_{0}","type":"function_call","call_id":"{1}","name":"f","arguments":"{2}"}})", index, id,
        arguments);
  };
  const std::string output = call(0, "a", R"({\"x\":1})") + "," + call(1, "b", "{}");
  const std::string streamed =
      kCreated + event("output_item.added", R"("output_index":0,"item":)" + call(0, "a", "")) +
      event("function_call_arguments.delta", R"("output_index":0,"item_id":"fc_0","delta":"{\"x\":")") +
      event("function_call_arguments.delta", R"("output_index":0,"item_id":"fc_0","delta":"1}")") +
      event("function_call_arguments.done", R"("output_index":0,"item_id":"fc_0","arguments":"{\"x\":1}")") +
      event("output_item.added", R"("output_index":1,"item":)" + call(1, "b", "")) + completed(output);
  for (const Outcome& outcome :
       {play_stream(streamed), play_reply(R"({"status":"completed","output":[)" + output + "]}")}) {
    const auto gathered = gather(outcome.events);
    ASSERT_TRUE(gathered);
    const auto calls = gathered->choices.at(0).tool_calls();
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls[0]->id + calls[0]->name + calls[0]->arguments, R"(af{"x":1})");
    EXPECT_EQ(calls[1]->id + calls[1]->arguments, "b{}");
    EXPECT_EQ(gathered->choices.at(0).finished->reason, tasks::FinishReason::tool_calls);
  }
}

TEST(hub_dialects_responses_upstream, decodes_refusals_citations_and_probabilities) {
  const Outcome outcome = play_reply(
      R"({"status":"completed","output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"\u00e9a",)"
      R"("annotations":[{"type":"url_citation","url":"https://a","title":"T","start_index":0,"end_index":1}],"logprobs":[{"token":"a","logprob":-1.5,"bytes":[97],"top_logprobs":[]}]}]},)"
      R"({"type":"message","id":"n","content":[{"type":"output_text","text":"b","annotations":[{"type":"url_citation","url":"https://b","start_index":0,"end_index":1}]},{"type":"refusal","refusal":"no"}]}]})");
  const auto citations = outcome.all<tasks::CitationFound>();
  ASSERT_EQ(citations.size(), 2U);
  EXPECT_EQ(citations[0].citation.url + citations[0].citation.title, "https://aT");
  EXPECT_EQ(citations[1].citation.begin, 2U) << "counted from the beginning of the whole text";
  EXPECT_EQ(citations[1].citation.end, 3U);
  EXPECT_EQ(outcome.all<tasks::RefusalDelta>().at(0).text, "no");
  EXPECT_EQ(outcome.all<tasks::TextDelta>().at(0).logprobs.at(0).logprob, -1.5);
}

TEST(hub_dialects_responses_upstream, tells_why_an_answer_ended) {
  const auto reason = [](std::string_view members) {
    return play_reply(fmt::format(R"({{"output":[],{}}})", members)).all<tasks::Finished>().at(0).reason;
  };
  using enum tasks::FinishReason;
  EXPECT_EQ(reason(R"("status":"completed")"), stop);
  EXPECT_EQ(reason(R"("status":"incomplete","incomplete_details":{"reason":"max_output_tokens"})"), length);
  EXPECT_EQ(reason(R"("status":"incomplete","incomplete_details":{"reason":"content_filter"})"),
            content_filter);
  const std::string cut = event(
      "incomplete",
      R"("response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]})");
  EXPECT_EQ(play_stream(kCreated + delta("a") + cut).all<tasks::Finished>().at(0).reason, length);
}

TEST(hub_dialects_responses_upstream, fails_a_cut_stream_and_keeps_what_came) {
  for (const How how : {How::relayed, How::decoded}) {
    const Outcome outcome = play_stream(kCreated + kAdded + delta("a"), how);
    ASSERT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.failure->error.message,
                HasSubstr("fake cut its answer off: no response.completed came"));
    EXPECT_THAT(outcome.all<tasks::Finished>(), IsEmpty());
  }
  EXPECT_EQ(play_stream(kCreated + kAdded + delta("a"), How::relayed).bytes, kCreated + kAdded + delta("a"));
}

// The response was only announced: another provider may still be asked.
TEST(hub_dialects_responses_upstream, shows_nothing_of_a_response_that_fails_before_its_first_item) {
  const std::string failed = event(
      "failed",
      R"("response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"},"output":[]})");
  for (const std::string& end :
       {failed,
        std::string("event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"slow "
                    "down\",\"param\":null}\n\n"),
        std::string("data: {\"error\":{\"message\":\"slow down\"}}\n\n")}) {
    const Outcome outcome = play_stream(kCreated + end, How::relayed);
    ASSERT_TRUE(outcome.failure) << end;
    EXPECT_EQ(outcome.bytes, "");
    EXPECT_THAT(outcome.failure->error.message, HasSubstr("slow down"));
    const Outcome late = play_stream(kCreated + delta("a") + end);
    ASSERT_TRUE(late.failure);
    EXPECT_EQ(text_of(late), "a");
  }
}

TEST(hub_dialects_responses_upstream, takes_nothing_else_for_a_response) {
  for (const char* body :
       {"[]", "{}", "{\"status\":\"completed\"}", R"({"status":"queued","output":[]})",
        R"({"status":"in_progress","output":[]})",
        R"({"status":"failed","error":{"message":"m"},"output":[]})", R"({"error":"m"})", "rubbish"}) {
    for (const How how : {How::relayed, How::decoded}) {
      const Outcome outcome = play_reply(body, how);
      ASSERT_TRUE(outcome.failure) << body;
      EXPECT_EQ(outcome.bytes, "");
      EXPECT_EQ(outcome.failure->error.provider, "fake");
    }
  }
  EXPECT_TRUE(play_stream("data: [1]\n\n").failure);
}

TEST(hub_dialects_responses_upstream, fails_on_a_type_that_is_no_text) {
  for (const How how : {How::decoded, How::relayed}) {
    const Outcome outcome = play("data: {\"type\":\"re\xFF\"}\n\n", true, how);
    ASSERT_TRUE(outcome.failure);
    EXPECT_FALSE(outcome.done);
  }
}

TEST(hub_dialects_responses_upstream, reads_errors_of_every_shape) {
  const Outcome xai = play(R"({"code":"invalid-argument","error":"bad model"})", true, How::relayed, {}, 400);
  ASSERT_TRUE(xai.failure);
  EXPECT_EQ(xai.failure->status, 400);
  EXPECT_TRUE(xai.failure->blames_request);
  EXPECT_THAT(xai.failure->error.message, HasSubstr("bad model"));
}

TEST(hub_dialects_responses_upstream, bounds_what_a_provider_may_send) {
  const auto at = [](std::uint64_t index) {
    return play_stream(
        event("output_text.delta", fmt::format(R"("output_index":{},"content_index":0,"delta":"x")", index)) +
        kEnd);
  };
  EXPECT_TRUE(at(kOutputItemsMax - 1).done);
  const Outcome beyond = at(kOutputItemsMax);
  ASSERT_TRUE(beyond.failure);
  EXPECT_THAT(beyond.failure->error.message,
              HasSubstr("item 4096 of the output is beyond the limit of 4096"));
}

}  // namespace
}  // namespace sluice::hub::dialects::responses
