// Any bytes as a chat template, or as a message: recognised or refused, and a message never becomes a control
// token.
#include "vlm/tokenizer/chat_template.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "vlm/tokenizer/small_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::tokenizer;
  static const Tokenizer kTokenizer = small_tokenizer();
  static const ChatTemplate kChat = *ChatTemplate::recognise(kSmolLmTemplate, kTokenizer);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto chat = ChatTemplate::recognise(text, kTokenizer);
  if (chat) CHECK(chat->render(std::vector<Message>{{"user", "x"}}).has_value());

  const auto ids = kChat.encode(kTokenizer, std::vector<Message>{{"system", text}, {"user", text}});
  CHECK(ids.has_value());
  CHECK(std::ranges::count(*ids, kSmallStart) == 3);
  CHECK(std::ranges::count(*ids, kSmallEnd) == 2);
  return 0;
}
