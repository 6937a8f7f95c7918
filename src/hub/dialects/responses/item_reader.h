// The output of a provider as events: from the wire events of a stream, from the finished items of a reply,
// and from both, since servers differ in what they repeat. What was told once is not told again. One per
// answer.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::responses {

class ItemReader {
 public:
  // A wire event of this type; others than those about items are passed over. Fails with upstream_failed
  // beyond the limits.
  base::Status read_event(std::string_view type, JsonObject event, std::vector<tasks::Event>& events);
  // The `output` of a whole response: what no wire event told.
  base::Status read_output(JsonObject response, std::vector<tasks::Event>& events);

  bool has_calls() const { return calls_ > 0; }

 private:
  struct Item {
    std::string id;
    std::set<std::uint64_t> texts, refusals;                           // by content_index
    std::map<std::uint64_t, std::uint64_t> annotations;                // told of each text
    std::map<std::uint64_t, std::uint64_t> begins;                     // of each text, in code points
    std::map<std::pair<bool, std::uint64_t>, std::uint32_t> thinking;  // (summary, index) -> block
    bool sealed = false;
    bool is_call = false;
    std::uint32_t call = 0;
    bool has_arguments = false;
  };
  using Events = std::vector<tasks::Event>;

  base::Result<Item*> item_at(std::uint64_t index);
  void tell_text(Item& item, std::uint64_t part, std::string_view text, JsonObject holder, Events& events);
  void tell_refusal(Item& item, std::uint64_t part, std::string_view text, Events& events);
  void tell_annotation(Item& item, std::uint64_t part, JsonObject annotation, Events& events);
  void tell_thought(Item& item, bool summary, std::uint64_t part, std::string_view text, Events& events);
  base::Status begin_call(Item& item, JsonObject from, Events& events);
  void tell_arguments(Item& item, std::string_view arguments, Events& events);
  base::Status read_item(std::uint64_t index, JsonObject object, Events& events);
  void read_message(Item& item, JsonObject object, Events& events);
  void read_reasoning(Item& item, JsonObject object, Events& events);

  std::map<std::uint64_t, Item> items_;  // by output_index
  std::uint32_t calls_ = 0;
  std::uint32_t blocks_ = 0;  // of thinking
  std::uint64_t text_points_ = 0;
};

}  // namespace sluice::hub::dialects::responses
