// Puts the events of an answer together to a response: its items, and on the way the wire events that tell
// each step of them. The plain reply and the stream come out of the same object, so that they cannot differ.
//
// One per answer. The request of the context is borrowed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::responses {

class Composer {
 public:
  // `streams`: the wire events are wanted.
  Composer(const ReplyContext& context, bool streams);

  void operator()(const tasks::Started& event);
  void operator()(const tasks::TextDelta& event);
  void operator()(const tasks::ReasoningDelta& event);
  void operator()(const tasks::RefusalDelta& event);
  void operator()(const tasks::ToolCallDelta& event);
  void operator()(const tasks::CitationFound& event);
  void operator()(const tasks::Embedded&) {}
  void operator()(const tasks::Finished& event);
  void operator()(const tasks::UsageReport& event) { usage_ = event.usage; }
  void operator()(const tasks::Failed& event) { fail(event.error); }

  // The end: every item is closed, and the last wire event tells the whole response.
  void complete();
  void fail(const base::Error& error);

  std::string response();  // the object as it stands now
  // The wire events since the last call.
  std::string take_wire() { return std::exchange(wire_, {}); }

 private:
  enum class Status : std::uint8_t { in_progress, completed, incomplete, failed };
  enum class PartKind : std::uint8_t { text, refusal, thought };
  enum class ItemKind : std::uint8_t { message, reasoning, call };
  struct Part {
    PartKind kind = PartKind::text;
    std::string text;
    std::string signature;
    std::vector<tasks::TokenLogprob> logprobs;
    std::vector<std::string> annotations;  // JSON
    std::uint64_t begin = 0;               // of the text, in code points of the choice's whole text
    std::size_t index = 0;                 // in its list
  };
  struct Item {
    ItemKind kind = ItemKind::message;
    std::string id;
    std::size_t index = 0;  // in the output
    Status status = Status::in_progress;
    std::vector<Part> parts;
    bool part_open = false;  // the last one
    // thinking
    tasks::ReasoningPart seals;  // id, signature, encrypted and dialect, as they came
    std::uint32_t block = 0;     // of the last delta
    // a call
    std::string call_id, name, arguments, signature;
  };

  void begin();
  Item& open_item(ItemKind kind, std::string id);
  Item& reasoning_item(const tasks::ReasoningDelta& event);
  Part& open_part(Item& item, PartKind kind);
  void close_part(Item& item);
  void close_item(Item& item, Status status);
  void close_all(Status status);
  Item* last_open(ItemKind kind);
  std::string make_item_id(std::string_view prefix) const;

  void write_part(base::JsonWriter& out, const Part& part, bool bare = false) const;
  void write_item(base::JsonWriter& out, const Item& item, bool bare = false) const;
  void write_response(base::JsonWriter& out) const;
  // One wire event; `write` adds the members after type and sequence_number.
  template <typename Write>
  void tell(std::string_view type, Write write);
  template <typename Write>
  void tell_part(std::string_view type, const Item& item, Write write);
  void tell_response(std::string_view type);
  void tell_delta(const Item& item, std::string_view delta, std::span<const tasks::TokenLogprob> logprobs);

  const ReplyContext context_;
  const bool streams_;
  const std::string tail_;  // what the ids of this answer share
  tasks::Started started_;
  bool begun_ = false;
  Status status_ = Status::in_progress;
  std::vector<Item> items_;
  std::map<std::uint32_t, std::size_t> calls_;  // index of a call -> its item
  std::uint64_t text_points_ = 0;               // code points of text so far
  std::optional<tasks::Finished> finished_;
  std::optional<tasks::Usage> usage_;
  std::optional<base::Error> error_;
  std::uint64_t sequence_ = 0;
  std::string wire_;
};

}  // namespace sluice::hub::dialects::responses
