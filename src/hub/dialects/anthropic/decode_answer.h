// The content of an answer as events: the blocks of a whole reply one by one, or of a stream piece by piece.
// Blocks of tools that Anthropic runs itself show nothing; what they found shows in citations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::anthropic {

class BlockReader {
 public:
  // `block` may be empty as in streams, or hold everything. Fails with upstream_failed beyond a limit.
  base::Status start(std::uint64_t index, JsonObject block, std::vector<tasks::Event>& events);
  // Pieces of blocks that never began are passed over.
  base::Status add(std::uint64_t index, JsonObject delta, std::vector<tasks::Event>& events);
  void stop(std::uint64_t index, std::vector<tasks::Event>& events);
  void stop_all(std::vector<tasks::Event>& events);  // some servers forget to

 private:
  enum class Kind : std::uint8_t { text, thinking, call, other };
  struct Open {
    Kind kind = Kind::other;
    std::uint32_t number = 0;                // among the calls, or the thoughts
    bool has_arguments = false;              // a piece of them came
    std::uint64_t begin = 0;                 // where its text begins in the answer's, in code points
    std::vector<tasks::Citation> citations;  // told when its end is known
  };

  void add_text(std::string text, std::vector<tasks::Event>& events);
  base::Status add_citation(JsonObject citation, Open& open);

  std::map<std::uint64_t, Open> open_;
  std::uint32_t calls_ = 0;
  std::uint32_t thoughts_ = 0;
  std::size_t citations_ = 0;
  std::uint64_t text_end_ = 0;
};

tasks::Finished read_finish(std::string_view stop_reason, std::string_view stop_sequence);

}  // namespace sluice::hub::dialects::anthropic
