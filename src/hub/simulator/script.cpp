#include "hub/simulator/script.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/json_writer.h"

namespace sluice::hub::simulator {
namespace {

using base::JsonWriter;

constexpr std::size_t kGiantBlock = std::size_t{1} << 20;
constexpr std::uint32_t kGiantEventBlocks = 17, kGiantAnswerBlocks = 68;
constexpr std::uint32_t kKeepalives = 600;

std::string word_of(const UpstreamSettings& upstream, std::uint32_t index) {
  constexpr std::array<std::string_view, 12> kWords{"one",   "two",   "three", "four", "five",   "six",
                                                    "seven", "eight", "nine",  "ten",  "eleven", "twelve"};
  if (index == 0) return upstream.name;
  if (index <= kWords.size()) return fmt::format(" {}", kWords[index - 1]);
  return fmt::format(" w{}", index);
}

void write_usage(JsonWriter& json, const UpstreamSettings& upstream) {
  json.key("usage").begin_object().field("prompt_tokens", kTokensIn);
  json.field("completion_tokens", upstream.tokens).field("total_tokens", kTokensIn + upstream.tokens);
  json.end_object();
}

void begin_answer(JsonWriter& json, const Asked& asked, std::string_view object) {
  json.begin_object().field("id", fmt::format("chatcmpl-sim-{}", asked.number)).field("object", object);
  json.field("created", asked.unix_s).field("model", asked.model);
}

std::string whole_answer(const UpstreamSettings& upstream, const Asked& asked) {
  std::string out;
  JsonWriter json(out);
  begin_answer(json, asked, "chat.completion");
  json.key("choices").begin_array().begin_object().field("index", 0).key("message").begin_object();
  json.field("role", "assistant").field("content", answer_of(upstream)).end_object();
  json.field("finish_reason", "stop").end_object().end_array();
  write_usage(json, upstream);
  json.end_object();
  return out;
}

// One event; `delta` and `finish` as they are in the choice.
std::string event_of(const Asked& asked, std::string_view delta, std::string_view finish) {
  std::string out = "data: ";
  JsonWriter json(out);
  begin_answer(json, asked, "chat.completion.chunk");
  json.key("choices").begin_array().begin_object().field("index", 0).key("delta").raw(delta);
  json.key("finish_reason").raw(finish).end_object().end_array().end_object();
  return out + "\n\n";
}

std::string word_event(const UpstreamSettings& upstream, const Asked& asked, std::uint32_t index) {
  std::string delta = R"({"content":)";
  base::append_json_string(delta, word_of(upstream, index));
  return event_of(asked, delta + "}", "null");
}

std::string usage_event(const UpstreamSettings& upstream, const Asked& asked) {
  std::string out = "data: ";
  JsonWriter json(out);
  begin_answer(json, asked, "chat.completion.chunk");
  json.key("choices").begin_array().end_array();
  write_usage(json, upstream);
  json.end_object();
  return out + "\n\n";
}

std::string error_body(int status) {
  return fmt::format(R"({{"error":{{"message":"simulated failure {}","type":"simulated","code":"sim_{}"}}}})",
                     status, status);
}

// Writes the beats of one answer.
class Writer {
 public:
  Writer(const UpstreamSettings& upstream, const Fault& fault, const Asked& asked)
      : upstream_(upstream), fault_(fault), asked_(asked) {
    script_.head_after = scaled(upstream.first_token);
    script_.in_pieces = asked.stream;
    script_.headers.set("content-type", asked.stream ? "text/event-stream" : "application/json");
  }

  Script write() && {
    switch (fault_.act) {
      case Act::status:
        refuse();
        break;
      case Act::error_in_200:
        say(asked_.stream ? "data: " + error_body(500) + "\n\n" : error_body(500));
        break;
      case Act::html:
        script_.headers.set("content-type", "text/html");
        say("<!doctype html><title>Welcome</title><h1>It works!</h1>");
        break;
      case Act::empty:
        if (asked_.stream) say("data: [DONE]\n\n");
        break;
      case Act::silence:
        script_.says_head = false;
        script_.end = Script::End::silent;
        break;
      case Act::silence_after_head:
        script_.in_pieces = true;
        script_.end = Script::End::silent;
        break;
      case Act::keepalive:
        keep_alive();
        break;
      case Act::giant:
        be_giant();
        break;
      default:
        asked_.stream ? stream() : whole();
    }
    return std::move(script_);
  }

 private:
  Millis scaled(Millis duration) const {
    return Millis(static_cast<Millis::rep>(static_cast<double>(duration.count()) * asked_.slowness));
  }
  void say(std::string text, Millis after = Millis(0), std::uint32_t tokens = 0) {
    script_.beats.push_back(
        {.after = after, .bytes = http::Slice::of(std::move(text)), .repeat = 1, .tokens = tokens});
  }

  void refuse() {
    script_.status = fault_.status;
    script_.in_pieces = false;
    script_.headers.set("content-type", "application/json");
    const Millis wait = upstream_.retry_after;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    switch (fault_.retry_after) {
      case RetryAfter::none:
        break;
      case RetryAfter::seconds:
        script_.headers.set("retry-after", std::to_string(seconds));
        break;
      case RetryAfter::milliseconds:
        script_.headers.set("retry-after-ms", std::to_string(wait.count()));
        break;
      case RetryAfter::date: {
        // A date has whole seconds: one more, so that it is never earlier than asked for.
        const std::time_t then = asked_.unix_s + seconds + 1;
        std::tm parts{};
        gmtime_r(&then, &parts);
        std::array<char, 40> text{};
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        script_.headers.set("retry-after", text.data());
        break;
      }
    }
    say(error_body(fault_.status));
  }

  void keep_alive() {
    script_.in_pieces = true;
    script_.end = Script::End::silent;
    if (!asked_.stream) return say("{");
    script_.beats.push_back({.after = kDrip,
                             .bytes = http::Slice::borrowed(": still here\n\n"),
                             .repeat = kKeepalives,
                             .tokens = 0});
  }

  void be_giant() {
    script_.in_pieces = true;
    const bool stream = asked_.stream;
    say(stream ? R"(data: {"choices":[{"index":0,"delta":{"content":")"
               : R"({"choices":[{"index":0,"message":{"role":"assistant","content":")");
    script_.beats.push_back({.after = Millis(0),
                             .bytes = http::Slice::of(std::string(kGiantBlock, 'x')),
                             .repeat = stream ? kGiantEventBlocks : kGiantAnswerBlocks,
                             .tokens = 0});
    say(stream ? "\"}}]}\n\ndata: [DONE]\n\n" : R"("},"finish_reason":"stop"}]})", Millis(0), 1);
  }

  void whole() {
    std::string body = whole_answer(upstream_, asked_);
    const std::size_t half = body.size() / 2;
    switch (fault_.act) {
      case Act::wrong_type:
        script_.headers.set("content-type", "text/plain");
        break;
      case Act::drip:
        script_.in_pieces = true;
        for (std::size_t at = 0; at < body.size(); at += body.size() / upstream_.tokens + 1)
          say(body.substr(at, body.size() / upstream_.tokens + 1), kDrip, 1);
        return;
      case Act::cut_early:
      case Act::cut_late:
        script_.in_pieces = true;
        script_.end = Script::End::cut;
        if (fault_.act == Act::cut_late) say(body.substr(0, half), Millis(0), kTokensBeforeCut);
        return;
      case Act::unterminated:
        return say(body.substr(0, half), Millis(0), kTokensBeforeCut);
      case Act::malformed:
        return say(body.substr(0, half) + "}}]", Millis(0), kTokensBeforeCut);
      default:
        break;
    }
    // Nobody writes an answer faster than its tokens come.
    script_.head_after += scaled(upstream_.per_token) * upstream_.tokens;
    say(std::move(body), Millis(0), upstream_.tokens);
  }

  void stream() {
    const Act act = fault_.act;
    const Millis pause = act == Act::drip ? kDrip : scaled(upstream_.per_token);
    if (act == Act::wrong_type) script_.headers.set("content-type", "text/plain");
    const std::string role = event_of(asked_, R"({"role":"assistant","content":""})", "null");
    if (act != Act::reordered) say(role);
    if (act == Act::duplicated) say(role);
    if (act == Act::cut_early) {
      script_.end = Script::End::cut;
      return;
    }
    for (std::uint32_t i = 0; i < upstream_.tokens; ++i) {
      if (i == kTokensBeforeCut && break_off()) return;
      say(word_event(upstream_, asked_, i), i == 0 ? Millis(0) : pause, 1);
      if (i == 0 && act == Act::reordered) say(role);
    }
    const std::string finish = event_of(asked_, "{}", R"("stop")");
    if (act == Act::reordered && asked_.wants_usage) say(usage_event(upstream_, asked_));
    say(finish);
    if (act == Act::duplicated) say(finish);
    if (asked_.wants_usage && act != Act::reordered) say(usage_event(upstream_, asked_));
    if (asked_.wants_usage && act == Act::duplicated) say(usage_event(upstream_, asked_));
    say("data: [DONE]\n\n");
  }

  // Whether the stream ends here.
  bool break_off() {
    if (fault_.act == Act::cut_late) script_.end = Script::End::cut;
    if (fault_.act == Act::malformed) say("data: {\"choices\":[{\"delta\":{\"content\"]}\n\n");
    return fault_.act == Act::cut_late || fault_.act == Act::unterminated || fault_.act == Act::malformed;
  }

  const UpstreamSettings& upstream_;
  const Fault& fault_;
  const Asked& asked_;
  Script script_;
};

}  // namespace

std::string answer_of(const UpstreamSettings& upstream) {
  std::string text;
  for (std::uint32_t i = 0; i < upstream.tokens; ++i) text += word_of(upstream, i);
  return text;
}

Script write_script(const UpstreamSettings& upstream, const Fault& fault, const Asked& asked) {
  return Writer(upstream, fault, asked).write();
}

}  // namespace sluice::hub::simulator
