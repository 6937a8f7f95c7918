// Pieces that a whole message and the events of a stream write alike.
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "hub/dialects/dialect.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::anthropic {

// The members of a message before its content: id, type, role, model.
void write_message_head(base::JsonWriter& out, const tasks::Started& started, const ReplyContext& context);

// Anthropic's word for why an answer ended: its own where it is known, else the one that means the same. Some
// servers say "stop" of an answer that calls tools.
std::string_view stop_reason_of(const tasks::Finished& finished, bool has_calls);
// The members stop_reason and stop_sequence.
void write_stop(base::JsonWriter& out, const tasks::Finished& finished, bool has_calls);

// One element of a text block's `citations`.
void write_citation(base::JsonWriter& out, const tasks::Citation& citation);

// Clients send a call's result back under its id, so it must have one.
std::string id_of_call(std::string_view id, std::uint32_t index, const ReplyContext& context);

}  // namespace sluice::hub::dialects::anthropic
