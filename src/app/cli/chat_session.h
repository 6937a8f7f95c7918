// One conversation with a model in this process, as `sluice run` holds it: no server, no key. The engine's
// events come from its own thread; ask() waits for them and hands the text on as it comes.
//
// Ctrl-C (SIGINT) stops the answer being given, not the program; with no answer under way it ends the
// program.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/device/model_store.h"
#include "base/result.h"
#include "vlm/generation/engine.h"
#include "vlm/generation/picture_prompt.h"
#include "vlm/tokenizer/chat_template.h"

namespace sluice::app::cli {

struct ChatOptions {
  std::string system;
  std::uint32_t tokens_max = 0;  // 0: until the context is full
  // What SmolLM2's card recommends; a small model wanders at 1.0.
  double temperature = 0.2;
  double top_p = 0.9;
  std::optional<std::uint64_t> seed;
  std::size_t threads = 0;
};

struct Reply {
  std::string text;
  vlm::generation::End end;
  std::uint64_t seed = 0;
};

class ChatSession {
 public:
  using LoadedModel = std::shared_ptr<const vlm::generation::LanguageModel>;

  ChatSession(LoadedModel model, ChatOptions options);
  ~ChatSession();

  ChatOptions& options() { return options_; }
  const vlm::generation::LanguageModel& model() const { return *model_; }
  void clear() {
    messages_.clear();
    frames_.clear();
  }
  std::size_t turns() const { return messages_.size() / 2; }

  // Adds a turn. A stopped answer stays in the conversation as far as it came; a refused one leaves no trace.
  // Pictures stand before the text, as the models were trained, and stay for later turns.
  base::Result<Reply> ask(std::string prompt, const std::function<void(std::string_view)>& show,
                          std::vector<vlm::generation::PreparedPicture> pictures = {});
  // The same with a turn as it stands; `frames` are those of its images.
  base::Result<Reply> ask(vlm::tokenizer::Message turn, std::vector<vlm::image::Picture> frames,
                          const std::function<void(std::string_view)>& show);

 private:
  class Inbox;

  LoadedModel model_;
  ChatOptions options_;
  std::vector<vlm::tokenizer::Message> messages_;
  std::vector<vlm::image::Picture> frames_;  // of all pictures in messages_
  std::unique_ptr<vlm::generation::Engine> engine_;
};

// "org/name" or "org/name:device", or the path of a file: loads it, from where `sluice list` looks.
base::Result<ChatSession::LoadedModel> load_for_chat(std::string_view name);

}  // namespace sluice::app::cli
