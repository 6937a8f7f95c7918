#include "hub/simulator/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/json_writer.h"
#include "hub/simulator/limits.h"

namespace sluice::hub::simulator {
namespace {

using base::JsonWriter;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::object;

std::string text_of(object from, std::string_view name, std::string_view otherwise = "") {
  std::string_view text;
  return std::string(from[name].get(text) == SUCCESS ? text : otherwise);
}

bool flag_of(object from, std::string_view name, bool otherwise) {
  bool flag = otherwise;
  return from[name].get(flag) == SUCCESS ? flag : otherwise;
}

// How a stream is laid on the wire: the dialect's `framing`, overridden member by member by the exchange's.
struct Framing {
  std::string newline = "\n";
  std::string done;          // the data of the event that ends a stream, or empty
  std::string count;         // member that numbers the events, or empty
  bool space = true;         // after "data:"
  bool event_names = false;  // an `event:` line with the data's `type`
  bool event_after = false;  // after the data line
  std::string sse_query;     // without it in the query: no SSE but a JSON array, written piece by piece
  bool json_array = false;
  element wrap;  // members every event shares
  bool has_wrap = false;

  void read(simdjson::simdjson_result<element> from) {
    object given;
    if (from.get(given) != SUCCESS) return;
    newline = text_of(given, "newline", newline);
    done = text_of(given, "done", done);
    count = text_of(given, "count", count);
    space = flag_of(given, "space", space);
    event_names = flag_of(given, "event_names", event_names);
    event_after = flag_of(given, "event_after", event_after);
    sse_query = text_of(given, "sse_query", sse_query);
    if (given["wrap"].get(wrap) == SUCCESS) has_wrap = true;
  }
};

class Writer {
 public:
  explicit Writer(const Situation& situation) : situation_(situation) {}

  std::string write(element value) {
    std::string out;
    JsonWriter json(out);
    value_into(json, value);
    return out;
  }

  // `value` with the members of `wrap` it does not have itself in front, and its number behind.
  std::string write_wrapped(object value, const Framing& framing, std::size_t number) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    object wrap;
    if (framing.has_wrap && framing.wrap.get(wrap) == SUCCESS) {
      for (const auto [key, member] : wrap) {
        if (value[key].error() != SUCCESS) member_into(json, key, member);
      }
    }
    for (const auto [key, member] : value) member_into(json, key, member);
    if (!framing.count.empty()) json.field(framing.count, number);
    json.end_object();
    return out;
  }

  // The items of an array after `$if` and `$each`.
  void for_each_item(const array& list, const std::function<void(element)>& visit) {
    for (const element item : list) expand(item, visit);
  }

  std::string filled(std::string_view text) const {
    std::string out(text);
    const std::string index = std::to_string(index_);
    for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"$model", situation_.model},
             {"$message", situation_.message},
             {"$base", situation_.base},
             {"$id", situation_.id},
             {"$index", index},
             {"$it", it_}}) {
      for (std::size_t at = out.find(name); at != std::string::npos; at = out.find(name, at + value.size())) {
        out.replace(at, name.size(), value);
      }
    }
    return out;
  }

 private:
  // What stands in place of `value`; nothing when an `$if` has no `else`.
  std::optional<element> chosen(element value) const {
    object members;
    element branch;
    if (value.get(members) != SUCCESS || members["$if"].error() != SUCCESS) return value;
    const bool holds = find_unmet(members["$if"], situation_.request).empty();
    if (members[holds ? "then" : "else"].get(branch) != SUCCESS) return std::nullopt;
    return chosen(branch);
  }

  void expand(element item, const std::function<void(element)>& visit) {
    const auto value = chosen(item);
    if (!value) return;
    object members;
    array list;
    element pattern;
    std::string_view path;
    if (value->get(members) != SUCCESS || members["as"].get(pattern) != SUCCESS) {
      visit(*value);
    } else if (members["$each"].get(list) == SUCCESS) {
      index_ = 0;
      for (const element one : list) {
        std::string_view text;
        it_ = one.get(text) == SUCCESS ? std::string(text) : simdjson::minify(one);
        expand(pattern, visit);
        ++index_;
      }
    } else if (members["$each_at"].get(path) == SUCCESS) {
      const std::size_t count = count_at(situation_.request.body, path);
      for (index_ = 0; index_ < count; ++index_) expand(pattern, visit);
    }
  }

  void member_into(JsonWriter& json, std::string_view key, element member) {
    if (const auto value = chosen(member)) {
      json.key(key);
      value_into(json, *value);
    }
  }

  void value_into(JsonWriter& json, element value) {
    array list;
    object members;
    std::string_view text;
    if (value.get(members) == SUCCESS) {
      const auto instead = chosen(value);
      if (!instead) {
        json.null();
      } else if (instead->get(members) == SUCCESS) {
        json.begin_object();
        for (const auto [key, member] : members) member_into(json, key, member);
        json.end_object();
      } else {
        value_into(json, *instead);
      }
    } else if (value.get(list) == SUCCESS) {
      json.begin_array();
      for_each_item(list, [&](element item) { value_into(json, item); });
      json.end_array();
    } else if (value.get(text) == SUCCESS) {
      if (text == "$index") {
        json.number(index_);
      } else {
        json.string(text.contains('$') ? filled(text) : text);
      }
    } else {
      json.raw(simdjson::minify(value));
    }
  }

  const Situation& situation_;
  std::string it_;
  std::size_t index_ = 0;
};

void add_headers(Reply& reply, simdjson::simdjson_result<element> headers, const Writer& writer) {
  object fields;
  if (headers.get(fields) != SUCCESS) return;
  for (const auto [name, value] : fields) {
    std::string_view text;
    if (value.get(text) == SUCCESS) reply.headers.set(name, writer.filled(text));
  }
}

std::string frame(const std::string& data, object event, const Framing& framing) {
  const std::string line = (framing.space ? "data: " : "data:") + data + framing.newline;
  if (!framing.event_names) return line + framing.newline;
  const std::string name = "event: " + text_of(event, "type") + framing.newline;
  return (framing.event_after ? line + name : name + line) + framing.newline;
}

std::string write_stream(const array& events, const Framing& framing, bool whole, Writer& writer) {
  std::string out = framing.json_array ? "[" : "";
  std::size_t number = 0;
  writer.for_each_item(events, [&](element event) {
    object members;
    std::string_view text;
    if (event.get(text) == SUCCESS) {  // bytes as they are
      out += text;
    } else if (event.get(members) == SUCCESS) {
      const std::string data = writer.write_wrapped(members, framing, number);
      if (framing.json_array) {
        out += (number == 0 ? "" : "," + framing.newline) + data;
      } else {
        out += frame(data, members, framing);
      }
      ++number;
    }
  });
  if (!whole) return out;
  if (framing.json_array) return out + "]" + framing.newline;
  if (framing.done.empty()) return out;
  return out + (framing.space ? "data: " : "data:") + framing.done + framing.newline + framing.newline;
}

}  // namespace

Reply write_reply(const Situation& situation, object exchange, base::Random& dice) {
  Writer writer(situation);
  Reply reply;
  std::int64_t status = 200;
  if (exchange["status"].get(status) == SUCCESS) reply.status = static_cast<int>(status);
  const std::string end = text_of(exchange, "end", "whole");  // or "unterminated", "cut", "endless"
  reply.end = end == "cut" ? Reply::End::cut : end == "endless" ? Reply::End::endless : Reply::End::whole;
  add_headers(reply, situation.server->setting("answer_headers"), writer);
  array events;
  if (situation.stream && exchange["stream"].get(events) == SUCCESS) {
    Framing framing;
    framing.read(situation.server->setting("framing"));
    framing.read(exchange["framing"]);
    framing.json_array = !situation.query.contains(framing.sse_query);
    reply.streamed = true;
    reply.headers.set("content-type", framing.json_array ? "application/json" : "text/event-stream");
    reply.pieces = cut_into_pieces(write_stream(events, framing, end == "whole", writer), dice);
  } else {
    reply.headers.set("content-type", "application/json");
    element body;
    std::string_view raw;
    if (exchange["raw"].get(raw) == SUCCESS) {
      reply.pieces.emplace_back(raw);
    } else if (exchange["reply"].get(body) == SUCCESS) {
      reply.pieces.push_back(writer.write(body));
    }
    if (reply.end != Reply::End::whole) reply.streamed = true;
    if (reply.end == Reply::End::cut && !reply.pieces.empty()) {
      reply.pieces.front().resize(reply.pieces.front().size() / 2);
    }
  }
  if (const std::string type = text_of(exchange, "content_type"); !type.empty()) {
    reply.headers.set("content-type", type);
  }
  add_headers(reply, exchange["headers"], writer);
  return reply;
}

Reply write_error(const Situation& situation, int status) {
  Situation told = situation;
  Reply reply{.status = status, .headers = {}, .pieces = {}};
  auto error = situation.server->error(status);
  if (!error) {
    reply.status = 400;
    error = situation.server->error(400);
    if (!error) return reply;
  }
  std::int64_t sent = reply.status;  // Gemini and xAI answer 400 to a wrong key, the case of 401
  if ((*error)["status"].get(sent) == SUCCESS) reply.status = static_cast<int>(sent);
  if (told.message.empty()) told.message = text_of(*error, "say");
  Writer writer(told);
  add_headers(reply, situation.server->setting("answer_headers"), writer);
  reply.headers.set("content-type", text_of(*error, "content_type", "application/json"));
  add_headers(reply, (*error)["headers"], writer);
  element body;
  if ((*error)["body"].get(body) == SUCCESS) reply.pieces.push_back(writer.write(body));
  return reply;
}

std::vector<std::string> cut_into_pieces(std::string_view bytes, base::Random& dice) {
  std::vector<std::string> pieces;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(1 + dice.below(kPieceBytesMax), bytes.size());
    pieces.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

}  // namespace sluice::hub::simulator
