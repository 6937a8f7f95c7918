// Any bytes as text: encoding never fails below the limit, decoding gives the text back, streaming agrees.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "vlm/tokenizer/small_vocabulary.h"
#include "vlm/tokenizer/token_stream.h"
#include "vlm/tokenizer/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::tokenizer;
  static const Tokenizer kSmolLm = small_tokenizer();
  static const Tokenizer kGpt2 = [] {
    SmallVocabulary vocabulary;
    vocabulary.pre = "gpt-2";
    return *vocabulary.load();
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto mended = replace_invalid_utf8(text);
  const std::string_view valid = mended ? std::string_view(*mended) : text;
  CHECK(!replace_invalid_utf8(valid));
  for (const Tokenizer* tokenizer : {&kSmolLm, &kGpt2}) {
    for (const SpecialText special : {SpecialText::plain, SpecialText::control}) {
      const auto ids = tokenizer->encode(text, special);
      CHECK(ids.has_value());
      CHECK(tokenizer->decode(*ids, true) == valid);
      TokenStream stream(*tokenizer, true);
      std::string streamed;
      for (const TokenId id : *ids) streamed += stream.push(id);
      streamed += stream.finish();
      CHECK(streamed == valid);
    }
  }
  return 0;
}
