#include <simdjson.h>

#include <algorithm>
#include <map>
#include <string>

#include "vlm/tokenizer/byte_alphabet.h"
#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/vocabulary.h"

namespace sluice::vlm::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
namespace dom = simdjson::dom;

// One tokenizer.json being read. Whatever would change ids in a way we cannot follow is refused by name.
class JsonReader {
 public:
  JsonReader(std::string_view name, dom::element root) : name_(name), root_(root) {}

  Result<Vocabulary> read();

 private:
  struct Entry {
    std::string_view text;
    TokenKind kind;
  };

  std::unexpected<base::Error> broken(std::string_view key, std::string_view expected) const {
    return fail(ErrorCode::corrupt_data, "{}: {}: expected {}", name_, key, expected);
  }
  Status refuse_unless_null(std::string_view key) const;
  Status check_model(dom::object model) const;
  Result<PreTokenizer> read_pre_tokenizer() const;
  Status check_byte_level(dom::object step, bool cuts) const;
  Result<PreTokenizer> read_first_step(dom::object step) const;
  Status read_post_processor(Vocabulary& vocabulary) const;
  Status read_post_step(dom::object step, Vocabulary& vocabulary) const;
  Status read_vocab(dom::object model);
  Status read_added_tokens();
  Status check_added_token(dom::object token, std::string_view where) const;
  Result<std::vector<MergePair>> read_merges(dom::object model) const;

  std::string_view name_;
  dom::element root_;
  std::map<TokenId, Entry> entries_;
};

bool is_absent_or_null(dom::object object, const char* key) {
  dom::element value;
  return object[key].get(value) != simdjson::SUCCESS || value.is_null();
}

bool is_true(dom::object object, const char* key) {
  bool flag = false;
  return object[key].get(flag) == simdjson::SUCCESS && flag;
}

std::string_view text_at(dom::object object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

Status JsonReader::check_model(dom::object model) const {
  const auto type = text_at(model, "type");
  if (!type.empty() && type != "BPE") return broken("model.type", fmt::format("BPE, found {:.40}", type));
  for (const char* key : {"dropout", "unk_token"}) {
    if (!is_absent_or_null(model, key)) return broken(fmt::format("model.{}", key), "null");
  }
  if (is_true(model, "byte_fallback")) return broken("model.byte_fallback", "false");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!text_at(model, key).empty()) return broken(fmt::format("model.{}", key), "no text");
  }
  return {};
}

// `cuts`: whether it is the one that cuts text into pieces, with GPT-2's pattern.
Status JsonReader::check_byte_level(dom::object step, bool cuts) const {
  if (text_at(step, "type") != "ByteLevel") return broken("pre_tokenizer", "ByteLevel as the last step");
  if (is_true(step, "add_prefix_space")) return broken("pre_tokenizer.add_prefix_space", "false");
  bool use_regex = true;
  static_cast<void>(step["use_regex"].get(use_regex));  // absent means true
  if (use_regex != cuts) return broken("pre_tokenizer.use_regex", cuts ? "true" : "false after Split");
  return {};
}

// Of two steps the first: every digit alone, or Llama 3's pattern.
Result<PreTokenizer> JsonReader::read_first_step(dom::object step) const {
  const auto type = text_at(step, "type");
  if (type == "Digits") {
    if (!is_true(step, "individual_digits")) return broken("pre_tokenizer.individual_digits", "true");
    return PreTokenizer::smollm;
  }
  if (type != "Split")
    return broken("pre_tokenizer.pretokenizers", "Digits or Split as the first of two steps");
  dom::object pattern;
  std::string_view regex;
  if (step["pattern"].get(pattern) == simdjson::SUCCESS) regex = text_at(pattern, "Regex");
  if (regex != kLlama3Pattern)
    return broken("pre_tokenizer.pattern", fmt::format("the pattern of Llama 3, found {:.200}", regex));
  if (text_at(step, "behavior") != "Isolated") return broken("pre_tokenizer.behavior", "Isolated");
  if (is_true(step, "invert")) return broken("pre_tokenizer.invert", "false");
  return PreTokenizer::llama3;
}

Result<PreTokenizer> JsonReader::read_pre_tokenizer() const {
  dom::object step;
  if (root_["pre_tokenizer"].get(step) != simdjson::SUCCESS) return broken("pre_tokenizer", "an object");
  if (text_at(step, "type") != "Sequence") {
    SLUICE_TRY_VOID(check_byte_level(step, true));
    return PreTokenizer::gpt2;
  }
  dom::array steps;
  if (step["pretokenizers"].get(steps) != simdjson::SUCCESS || steps.size() == 0 || steps.size() > 2)
    return broken("pre_tokenizer.pretokenizers", "ByteLevel, or Digits or Split and ByteLevel");
  dom::object first;
  dom::object last;
  if (steps.at(0).get(first) != simdjson::SUCCESS ||
      steps.at(steps.size() - 1).get(last) != simdjson::SUCCESS)
    return broken("pre_tokenizer", "objects");
  PreTokenizer kind = PreTokenizer::gpt2;
  if (steps.size() == 2) {
    SLUICE_TRY(kind, read_first_step(first));
  }
  SLUICE_TRY_VOID(check_byte_level(last, kind != PreTokenizer::llama3));
  return kind;
}

// ByteLevel as a post-processor only moves offsets. A template may put one token in front of a text, no more.
Status JsonReader::read_post_step(dom::object step, Vocabulary& vocabulary) const {
  if (text_at(step, "type") == "ByteLevel") return {};
  constexpr std::string_view kExpected = "null, ByteLevel, or a template that adds at most a first token";
  dom::array single;
  if (text_at(step, "type") != "TemplateProcessing" || step["single"].get(single) != simdjson::SUCCESS ||
      single.size() == 0 || single.size() > 2)
    return broken("post_processor", kExpected);
  dom::object part;
  if (single.at(single.size() - 1)["Sequence"].get(part) != simdjson::SUCCESS)
    return broken("post_processor", kExpected);
  if (single.size() == 1) return {};
  if (single.at(0)["SpecialToken"].get(part) != simdjson::SUCCESS) return broken("post_processor", kExpected);
  vocabulary.bos = vocabulary.find_literal(text_at(part, "id"));
  if (vocabulary.bos < 0) return broken("post_processor.single.0", "a special token of the vocabulary");
  vocabulary.adds_bos = true;
  return {};
}

// Absent, null, one step, or a sequence of steps.
Status JsonReader::read_post_processor(Vocabulary& vocabulary) const {
  dom::object step;
  if (root_["post_processor"].get(step) != simdjson::SUCCESS) return {};
  if (text_at(step, "type") != "Sequence") return read_post_step(step, vocabulary);
  dom::array steps;
  if (step["processors"].get(steps) != simdjson::SUCCESS)
    return broken("post_processor.processors", "an array");
  for (const dom::element element : steps) {
    dom::object inner;
    if (element.get(inner) != simdjson::SUCCESS) return broken("post_processor.processors", "objects");
    SLUICE_TRY_VOID(read_post_step(inner, vocabulary));
  }
  return {};
}

Status JsonReader::read_vocab(dom::object model) {
  dom::object vocab;
  if (model["vocab"].get(vocab) != simdjson::SUCCESS) return broken("model.vocab", "an object");
  for (const auto& [text, element] : vocab) {
    std::uint64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id >= kTokensMax) {
      return broken("model.vocab", fmt::format("ids from 0 to {}", kTokensMax - 1));
    }
    if (text.size() > kTokenBytesMax) {
      return broken("model.vocab",
                    fmt::format("token {} of at most {} bytes, found {}", id, kTokenBytesMax, text.size()));
    }
    if (!entries_.emplace(static_cast<TokenId>(id), Entry{text, TokenKind::text}).second) {
      return broken("model.vocab", fmt::format("id {} once, found twice", id));
    }
  }
  if (entries_.empty()) return broken("model.vocab", "at least one token");
  return {};
}

Status JsonReader::check_added_token(dom::object token, std::string_view where) const {
  for (const char* key : {"lstrip", "rstrip", "single_word"}) {
    if (is_true(token, key)) return broken(fmt::format("{}.{}", where, key), "false");
  }
  return {};
}

Status JsonReader::read_added_tokens() {
  dom::array tokens;
  if (root_["added_tokens"].get(tokens) != simdjson::SUCCESS) return {};
  std::size_t index = 0;
  for (const dom::element element : tokens) {
    const std::string where = fmt::format("added_tokens.{}", index++);
    dom::object token;
    std::uint64_t id = 0;
    if (element.get(token) != simdjson::SUCCESS) return broken(where, "an object");
    if (token["id"].get(id) != simdjson::SUCCESS || id >= kTokensMax) {
      return broken(where + ".id", fmt::format("an id from 0 to {}", kTokensMax - 1));
    }
    const auto content = text_at(token, "content");
    if (content.empty() || content.size() > kTokenBytesMax) {
      return broken(where + ".content", fmt::format("text of 1 to {} bytes", kTokenBytesMax));
    }
    SLUICE_TRY_VOID(check_added_token(token, where));
    const TokenKind kind = is_true(token, "special") ? TokenKind::control : TokenKind::added;
    entries_.insert_or_assign(static_cast<TokenId>(id), Entry{content, kind});
  }
  return {};
}

// Merges are "left right" in older files and ["left", "right"] in newer ones.
Result<std::vector<MergePair>> JsonReader::read_merges(dom::object model) const {
  dom::array merges;
  if (model["merges"].get(merges) != simdjson::SUCCESS) return broken("model.merges", "an array");
  const std::string where = fmt::format("{}: model.merges", name_);
  std::vector<MergePair> pairs;
  for (const dom::element element : merges) {
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) {
      SLUICE_TRY(const auto pair, split_merge(text, pairs.size(), where));
      pairs.push_back(pair);
      continue;
    }
    dom::array halves;
    MergePair pair;
    if (element.get(halves) != simdjson::SUCCESS || halves.size() != 2 ||
        halves.at(0).get(pair.left) != simdjson::SUCCESS ||
        halves.at(1).get(pair.right) != simdjson::SUCCESS) {
      return broken("model.merges", fmt::format("merge {} as a string or an array of two", pairs.size()));
    }
    pairs.push_back(pair);
  }
  return pairs;
}

Status JsonReader::refuse_unless_null(std::string_view key) const {
  dom::element value;
  if (root_[key].get(value) != simdjson::SUCCESS || value.is_null()) return {};
  return broken(key, "null");
}

Result<Vocabulary> JsonReader::read() {
  dom::object model;
  if (root_["model"].get(model) != simdjson::SUCCESS) return broken("model", "an object");
  Vocabulary vocabulary;
  SLUICE_TRY_VOID(refuse_unless_null("normalizer"));
  SLUICE_TRY_VOID(check_model(model));
  SLUICE_TRY(vocabulary.pre_tokenizer, read_pre_tokenizer());
  vocabulary.whole_words = is_true(model, "ignore_merges");
  SLUICE_TRY_VOID(read_vocab(model));
  // A control token of an older vocabulary is also listed in model.vocab, and there merges may name it.
  std::vector<std::string_view> spellings(static_cast<std::size_t>(entries_.rbegin()->first) + 1);
  for (const auto& [id, entry] : entries_) spellings[static_cast<std::size_t>(id)] = entry.text;
  SLUICE_TRY_VOID(read_added_tokens());

  TokenId next = 0;
  for (const auto& [id, entry] : entries_) {
    for (; next < id; ++next) vocabulary.add({}, TokenKind::absent);
    const auto bytes = entry.kind == TokenKind::text ? decode_byte_alphabet(entry.text) : std::nullopt;
    vocabulary.add(bytes ? std::string_view(*bytes) : entry.text, entry.kind);
    ++next;
  }
  SLUICE_TRY_VOID(vocabulary.finish(name_));
  SLUICE_TRY(const auto merges, read_merges(model));
  SLUICE_TRY_VOID(link_merges(vocabulary, spellings, merges, fmt::format("{}: model.merges", name_)));
  SLUICE_TRY_VOID(read_post_processor(vocabulary));
  collect_stop_ids(vocabulary, {});
  return vocabulary;
}

}  // namespace

Result<Vocabulary> read_json_vocabulary(std::string_view json, std::string_view name) {
  if (json.size() > kTokenizerJsonBytesMax) {
    return fail(ErrorCode::too_large, "{}: expected at most {} bytes, found {}", name, kTokenizerJsonBytesMax,
                json.size());
  }
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root); error != simdjson::SUCCESS) {
    return fail(ErrorCode::corrupt_data, "{}: expected JSON: {}", name, simdjson::error_message(error));
  }
  if (!root.is_object()) return fail(ErrorCode::corrupt_data, "{}: expected a JSON object", name);
  return JsonReader(name, root).read();
}

}  // namespace sluice::vlm::tokenizer
