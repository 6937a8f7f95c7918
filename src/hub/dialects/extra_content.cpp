#include "hub/dialects/extra_content.h"

namespace sluice::hub::dialects {
namespace {

constexpr std::string_view kVendor = "google";
constexpr std::string_view kSignature = "thought_signature";

}  // namespace

void write_extra_content(base::JsonWriter& out, std::string_view signature) {
  if (signature.empty()) return;
  out.key(kExtraContent).begin_object().key(kVendor).begin_object();
  out.field(kSignature, signature).end_object().end_object();
}

base::Result<std::string> read_extra_content(const JsonView& value) {
  std::string signature;
  if (value.type() != JsonType::object) return value.refuse("an object");
  SLUICE_TRY_VOID(value.each_member([&](const std::string& name, const JsonView& vendor) -> base::Status {
    if (name != kVendor || vendor.type() != JsonType::object) return {};
    return vendor.read_texts({{kSignature, &signature}});
  }));
  return signature;
}

std::string read_extra_content(JsonObject part) {
  const auto extra = object_of(part, kExtraContent);
  const auto vendor = extra ? object_of(*extra, kVendor) : std::nullopt;
  return vendor ? text_of(*vendor, kSignature) : std::string();
}

}  // namespace sluice::hub::dialects
