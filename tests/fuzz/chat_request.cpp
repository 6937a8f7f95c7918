// Any bytes as a request body, through every dialect with a downstream half: it is refused with a reason, or
// it can be sent on, scans again to the same request, and is read in full or refused with a reason.
#include <cstdint>
#include <cstdlib>

#include "hub/catalog/catalog.h"
#include "hub/dialects/dialect.h"

namespace {

using namespace sluice;
using namespace sluice::hub;
using dialects::ScannedRequest;

void require(bool condition) {
  if (!condition) std::abort();
}

void send_on(const dialects::Dialect& dialect, const ScannedRequest& scanned,
             const catalog::Provider& provider) {
  auto machine = dialect.upstream->begin({.provider = &provider,
                                          .surface = &provider.primary(),
                                          .kind = scanned.kind,
                                          .model = "served/id",
                                          .request = &scanned});
  if (!machine) return require(!machine.error().message.empty());
  const auto step = machine->machine->next();
  const auto body = http::flatten(std::get<dialects::Send>(*step).request.body);
  const auto again = dialect.downstream->scan(scanned.kind, body);
  require(again.has_value());
  require(again->model == "served/id");
  require(again->stream == scanned.stream);
  require(again->messages == scanned.messages);
  require(again->has_images == scanned.has_images && again->has_tools == scanned.has_tools);
}

template <typename Decode>
void read_with(Decode decode, const ScannedRequest& scanned) {
  if (decode == nullptr) return;
  const auto request = decode(scanned);
  require(request.has_value() || !request.error().message.empty());
}

void read_in_full(const dialects::DownstreamHalf& front, const ScannedRequest& scanned) {
  if (scanned.kind == tasks::Kind::chat) read_with(front.decode_chat, scanned);
  if (scanned.kind == tasks::Kind::completion) read_with(front.decode_completion, scanned);
  if (scanned.kind == tasks::Kind::embed) read_with(front.decode_embed, scanned);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr tasks::Kind kKinds[] = {tasks::Kind::chat, tasks::Kind::completion, tasks::Kind::embed};
  const auto kind = kKinds[data[0] % 3];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const auto providers = catalog::Catalog::built_in();
  for (const dialects::Dialect* dialect : dialects::all_dialects()) {
    if (!dialect->downstream) continue;
    const auto scanned = dialect->downstream->scan(kind, http::Slice::copy_of(text));
    if (!scanned) {
      require(!scanned.error().message.empty());
      require(!dialect->downstream->encode_error(scanned.error()).empty());
      continue;
    }
    if (dialect->upstream) {
      for (const char* id : {"together", "mistral"}) send_on(*dialect, *scanned, *providers->find(id));
    }
    read_in_full(*dialect->downstream, *scanned);
  }
  return 0;
}
