#include "hub/dialects/openai/cache_marks.h"

namespace sluice::hub::dialects::openai {
namespace {

constexpr std::string_view kUsualTime = "5m";

}  // namespace

base::Result<std::string> read_cache_mark(const JsonView& value) {
  std::string type;
  std::string mark(kUsualTime);
  if (value.type() != JsonType::object) return value.refuse("an object");
  SLUICE_TRY_VOID(value.read_texts({{"type", &type}, {"ttl", &mark}}));
  return mark;
}

void write_cache_mark(base::JsonWriter& out, std::string_view mark) {
  if (mark.empty()) return;
  out.key(kCacheControl).begin_object().field("type", "ephemeral");
  if (mark != kUsualTime) out.field("ttl", mark);
  out.end_object();
}

}  // namespace sluice::hub::dialects::openai
