#include "vlm/tokenizer/chat_template.h"

#include <algorithm>
#include <span>

#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/smolvlm_prompt.h"
#include "vlm/tokenizer/template_text.h"

namespace sluice::vlm::tokenizer {
namespace {

using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

constexpr std::string_view kStart = "<|im_start|>";
constexpr std::string_view kEnd = "<|im_end|>";

// Takes `wanted` off the front of `elements` if they are there.
bool take(std::span<const std::string>& elements, std::initializer_list<std::string_view> wanted) {
  if (elements.size() < wanted.size()) return false;
  if (!std::ranges::equal(elements.first(wanted.size()), wanted)) return false;
  elements = elements.subspan(wanted.size());
  return true;
}

struct ChatMl {
  std::optional<std::string> default_system;
};

// ChatML in the forms that published models use; nullopt when it is anything else.
std::optional<ChatMl> match_chatml(std::span<const std::string> elements) {
  ChatMl found;
  take(elements,
       {"{if not add_generation_prompt is defined}", "{set add_generation_prompt = false}", "{endif}"});
  if (!take(elements, {"{for message in messages}"})) return std::nullopt;
  if (take(elements, {"{if loop.first and messages[0].role != \"system\"}"})) {
    constexpr std::string_view kBefore = "\"<|im_start|>system\n";
    constexpr std::string_view kAfter = "<|im_end|>\n";
    if (elements.empty()) return std::nullopt;
    std::string_view text = elements[0];
    if (text.size() < kBefore.size() + kAfter.size() || !text.starts_with(kBefore) ||
        !text.ends_with(kAfter)) {
      return std::nullopt;
    }
    text.remove_prefix(kBefore.size());
    text.remove_suffix(kAfter.size());
    found.default_system = text;
    elements = elements.subspan(1);
    if (!take(elements, {"{endif}"})) return std::nullopt;
  }
  const bool rest = take(elements, {"\"<|im_start|>", "message.role", "\"\n", "message.content",
                                    "\"<|im_end|>\n", "{endfor}"}) &&
                    take(elements, {"{if add_generation_prompt}", "\"<|im_start|>assistant\n", "{endif}"});
  if (!rest || !elements.empty()) return std::nullopt;
  return found;
}

// Roles go into the prompt as they are: one that held a line feed could forge the start of the content.
Status check_messages(std::span<const Message> messages, bool takes_images) {
  if (messages.size() > kMessagesMax) {
    return fail(Error{
        .code = ErrorCode::too_large,
        .message = fmt::format("messages: expected at most {}, found {}", kMessagesMax, messages.size()),
        .parameter = "messages"});
  }
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!takes_images && !messages[i].images.empty())
      return fail(
          Error{.code = ErrorCode::invalid_argument,
                .message = fmt::format("messages.{}: this model's prompts have no place for pictures", i),
                .parameter = fmt::format("messages.{}", i)});
    const std::string& role = messages[i].role;
    if (!role.empty() && role.size() <= kRoleBytesMax && std::ranges::all_of(role, allowed)) continue;
    return fail(Error{
        .code = ErrorCode::invalid_argument,
        .message = fmt::format("messages.{}.role: expected 1 to {} lower-case letters, digits, '_' or '-'", i,
                               kRoleBytesMax),
        .parameter = fmt::format("messages.{}.role", i)});
  }
  return {};
}

}  // namespace

Result<ChatTemplate> ChatTemplate::recognise(std::string_view template_text, const Tokenizer& tokenizer) {
  SLUICE_TRY(const auto elements, canonical_template(template_text));
  if (is_smolvlm_template(elements)) {
    ChatTemplate found;
    found.family_ = Family::smolvlm;
    SLUICE_TRY_VOID(check_smolvlm_markers(tokenizer));
    found.start_ = tokenizer.find_special(kStart);
    found.end_ = tokenizer.find_special(kSmolVlmEnd);
    return found;
  }
  auto chatml = match_chatml(elements);
  if (!chatml) {
    return fail(ErrorCode::corrupt_data,
                "chat template: expected ChatML with at most a default system message, or SmolVLM's, found "
                "another form "
                "({} bytes)",
                template_text.size());
  }
  ChatTemplate found;
  found.default_system_ = std::move(chatml->default_system);
  found.start_ = tokenizer.find_special(kStart);
  found.end_ = tokenizer.find_special(kEnd);
  if (found.start_ < 0 || found.end_ < 0) {
    return fail(ErrorCode::corrupt_data,
                "chat template: expected the vocabulary to have {} as a special token, it has none",
                found.start_ < 0 ? kStart : kEnd);
  }
  return found;
}

Result<std::string> ChatTemplate::render(std::span<const Message> messages,
                                         bool add_generation_prompt) const {
  SLUICE_TRY_VOID(check_messages(messages, takes_images()));
  if (family_ == Family::smolvlm) return render_smolvlm(messages, add_generation_prompt);
  std::string text;
  const auto turn = [&](std::string_view role, std::string_view content) {
    text.append(kStart).append(role).append("\n").append(content).append(kEnd).append("\n");
  };
  if (default_system_ && !messages.empty() && messages[0].role != "system") turn("system", *default_system_);
  for (const Message& message : messages) turn(message.role, message.content);
  if (add_generation_prompt) text.append(kStart).append("assistant\n");
  return text;
}

Result<std::vector<TokenId>> ChatTemplate::encode(const Tokenizer& tokenizer,
                                                  std::span<const Message> messages,
                                                  bool add_generation_prompt, SpecialText special) const {
  if (special == SpecialText::control) {
    SLUICE_TRY(const auto text, render(messages, add_generation_prompt));
    return tokenizer.encode(text, SpecialText::control);
  }
  SLUICE_TRY_VOID(check_messages(messages, takes_images()));
  if (family_ == Family::smolvlm) return encode_smolvlm(tokenizer, messages, add_generation_prompt);
  return encode_chatml(tokenizer, messages, add_generation_prompt);
}

Result<std::vector<TokenId>> ChatTemplate::encode_chatml(const Tokenizer& tokenizer,
                                                         std::span<const Message> messages,
                                                         bool add_generation_prompt) const {
  std::vector<TokenId> ids;
  const auto append = [&](std::string_view text) -> Status {
    SLUICE_TRY(const auto more, tokenizer.encode(text));
    ids.insert(ids.end(), more.begin(), more.end());
    return {};
  };
  const auto turn = [&](std::string_view role, std::string_view content) -> Status {
    ids.push_back(start_);
    SLUICE_TRY_VOID(append(fmt::format("{}\n{}", role, content)));
    ids.push_back(end_);
    return append("\n");
  };
  if (default_system_ && !messages.empty() && messages[0].role != "system") {
    SLUICE_TRY_VOID(turn("system", *default_system_));
  }
  for (const Message& message : messages) SLUICE_TRY_VOID(turn(message.role, message.content));
  if (add_generation_prompt) {
    ids.push_back(start_);
    SLUICE_TRY_VOID(append("assistant\n"));
  }
  return ids;
}

}  // namespace sluice::vlm::tokenizer
