#include "vlm/tokenizer/smolvlm_prompt.h"

#include <algorithm>
#include <array>

#include "vlm/tokenizer/limits.h"

namespace sluice::vlm::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;

constexpr std::string_view kStart = "<|im_start|>";
constexpr std::string_view kFake = "<fake_token_around_image>";
constexpr std::string_view kImage = "<image>";
constexpr std::string_view kGlobal = "<global-img>";

constexpr std::array<std::string_view, 13> kBeforeVideo{
    "\"<|im_start|>",
    "{for message in messages}",
    "message.role | capitalize",
    "{if message.content[0].type == \"image\"}",
    "\":",
    "{else}",
    "\": ",
    "{endif}",
    "{for line in message.content}",
    "{if line.type == \"text\"}",
    "line.text",
    "{elif line.type == \"image\"}",
    "\"<image>",
};
// Older repositories have no such branch.
constexpr std::array<std::string_view, 2> kVideo{"{elif line.type == \"video\"}", "\"<video>"};
constexpr std::array<std::string_view, 7> kAfterVideo{
    "{endif}",      "{endfor}", "\"<end_of_utterance>\n", "{endfor}", "{if add_generation_prompt}",
    "\"Assistant:", "{endif}",
};

bool take(std::span<const std::string>& elements, std::span<const std::string_view> wanted) {
  if (elements.size() < wanted.size() || !std::ranges::equal(elements.first(wanted.size()), wanted))
    return false;
  elements = elements.subspan(wanted.size());
  return true;
}

std::string shown_role(std::string_view role) {
  std::string shown(role);
  if (!shown.empty() && shown[0] >= 'a' && shown[0] <= 'z')
    shown[0] = static_cast<char>(shown[0] - 'a' + 'A');
  return shown;
}

bool begins_with_image(const Message& message) {
  return !message.images.empty() && message.images.front().at == 0;
}

// Collects ids; text between two markers is encoded in one piece, as Hugging Face does.
class PromptWriter {
 public:
  explicit PromptWriter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void add_text(std::string_view text) { pending_ += text; }
  // A marker the vocabulary has no token for is spelled out.
  Status add_marker(std::string_view marker, std::size_t times = 1) {
    const TokenId id = tokenizer_.find_special(marker);
    if (id < 0) {
      for (; times > 0; --times) add_text(marker);
      return {};
    }
    SLUICE_TRY_VOID(flush());
    if (ids_.size() + times > kPromptTokensMax)
      return fail(ErrorCode::too_large, "the prompt has more than {} tokens", kPromptTokensMax);
    ids_.insert(ids_.end(), times, id);
    return {};
  }
  Status add_image(const ImageSpot& spot) {
    for (std::uint32_t row = 1; row <= spot.rows; ++row) {
      for (std::uint32_t column = 1; column <= spot.columns; ++column) {
        SLUICE_TRY_VOID(add_frame(fmt::format("<row_{}_col_{}>", row, column), spot));
      }
      add_text("\n");
    }
    if (spot.rows > 0) add_text("\n");
    SLUICE_TRY_VOID(add_frame(kGlobal, spot));
    return add_marker(kFake);
  }
  Result<std::vector<TokenId>> take() {
    SLUICE_TRY_VOID(flush());
    return std::move(ids_);
  }

 private:
  Status add_frame(std::string_view name, const ImageSpot& spot) {
    SLUICE_TRY_VOID(add_marker(kFake));
    SLUICE_TRY_VOID(add_marker(name));
    return add_marker(kImage, spot.frame_tokens);
  }
  Status flush() {
    if (pending_.empty()) return {};
    SLUICE_TRY(const auto more, tokenizer_.encode(pending_));
    ids_.insert(ids_.end(), more.begin(), more.end());
    pending_.clear();
    return {};
  }

  const Tokenizer& tokenizer_;
  std::string pending_;
  std::vector<TokenId> ids_;
};

Status check_images(const Message& message, std::size_t index) {
  std::size_t before = 0;
  for (const ImageSpot& spot : message.images) {
    if (spot.at < before || spot.at > message.content.size() || spot.rows > kImageGridMax ||
        spot.columns > kImageGridMax || (spot.rows == 0) != (spot.columns == 0) || spot.frame_tokens == 0 ||
        spot.frame_tokens > kFrameTokensMax)
      return fail(ErrorCode::invalid_argument, "messages.{}: a picture of {} x {} tiles with {} tokens each",
                  index, spot.rows, spot.columns, spot.frame_tokens);
    before = spot.at;
  }
  return {};
}

Status add_turn(const Message& message, PromptWriter& writer) {
  writer.add_text(shown_role(message.role));
  writer.add_text(begins_with_image(message) ? ":" : ": ");
  const std::string_view content = message.content;
  std::size_t done = 0;
  for (const ImageSpot& spot : message.images) {
    writer.add_text(content.substr(done, spot.at - done));
    done = spot.at;
    SLUICE_TRY_VOID(writer.add_image(spot));
  }
  writer.add_text(content.substr(done));
  SLUICE_TRY_VOID(writer.add_marker(kSmolVlmEnd));
  writer.add_text("\n");
  return {};
}

}  // namespace

bool is_smolvlm_template(std::span<const std::string> elements) {
  if (!take(elements, kBeforeVideo)) return false;
  take(elements, kVideo);
  return take(elements, kAfterVideo) && elements.empty();
}

Status check_smolvlm_markers(const Tokenizer& tokenizer) {
  for (const std::string_view marker : {kStart, kSmolVlmEnd, kFake, kImage})
    if (tokenizer.find_special(marker) < 0)
      return fail(ErrorCode::corrupt_data,
                  "chat template: expected the vocabulary to have {} as a special token, it has none",
                  marker);
  return {};
}

std::string render_smolvlm(std::span<const Message> messages, bool add_generation_prompt) {
  std::string text(kStart);
  for (const Message& message : messages) {
    text += shown_role(message.role);
    text += begins_with_image(message) ? ":" : ": ";
    std::size_t done = 0;
    for (const ImageSpot& spot : message.images) {
      text.append(message.content, done, spot.at - done).append(kImage);
      done = spot.at;
    }
    text.append(message.content, done).append(kSmolVlmEnd).append("\n");
  }
  if (add_generation_prompt) text += "Assistant:";
  return text;
}

Result<std::vector<TokenId>> encode_smolvlm(const Tokenizer& tokenizer, std::span<const Message> messages,
                                            bool add_generation_prompt) {
  PromptWriter writer(tokenizer);
  SLUICE_TRY_VOID(writer.add_marker(kStart));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    SLUICE_TRY_VOID(check_images(messages[i], i));
    SLUICE_TRY_VOID(add_turn(messages[i], writer));
  }
  if (add_generation_prompt) writer.add_text("Assistant:");
  return writer.take();
}

}  // namespace sluice::vlm::tokenizer
