#include "hub/dialects/responses/encode_answer.h"

#include <limits>

#include "hub/dialects/gather.h"
#include "hub/dialects/responses/composer.h"
#include "hub/dialects/responses/echo.h"

namespace sluice::hub::dialects::responses {
namespace {

constexpr std::int32_t kBeyondAllNumbers = std::numeric_limits<std::int32_t>::max();

class Encoder : public StreamEncoder {
 public:
  explicit Encoder(const ReplyContext& context) : composer_(context, true) {}

  std::string encode(std::span<const tasks::Event> events) override {
    for (const tasks::Event& event : events) std::visit(composer_, event);
    return composer_.take_wire();
  }
  std::string finish() override {
    composer_.complete();
    return composer_.take_wire();
  }
  std::string encode_error(const base::Error& error) override {
    composer_.fail(error);
    return composer_.take_wire();
  }

 private:
  Composer composer_;
};

}  // namespace

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context) {
  SLUICE_TRY(const GatheredAnswer gathered, gather(events));  // for its judgement: whole, or why not
  Composer composer(context, false);
  for (const tasks::Event& event : events) std::visit(composer, event);
  composer.complete();
  return composer.response();
}

std::unique_ptr<StreamEncoder> encode_stream(const ReplyContext& context) {
  return std::make_unique<Encoder>(context);
}

std::string encode_stream_error(const base::Error& error) {
  std::string wire = "event: error\ndata: ";
  base::JsonWriter out(wire);
  out.begin_object().field("type", "error").field("sequence_number", kBeyondAllNumbers);
  write_error_event(out, error);
  out.end_object();
  wire += "\n\n";
  return wire;
}

}  // namespace sluice::hub::dialects::responses
