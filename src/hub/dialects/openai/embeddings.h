// Vectors on the wire: lists of numbers, or base64 of little-endian 32-bit floats, which OpenAI's own clients
// ask for unless they are told otherwise.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects::openai {

// Whether the client wants base64. `request` may be null.
bool wants_base64(const ScannedRequest* request);
void write_vector(base::JsonWriter& out, std::span<const float> values, bool is_base64);

// Reads {data: [{index, embedding}], model, usage}; takes both forms whatever was asked for. With `relay`
// only what accounting needs. An answer is whole when it holds `inputs` vectors (0: any number, but one).
std::unique_ptr<AnswerReader> make_embed_reader(std::string provider, bool relay, std::size_t inputs);

}  // namespace sluice::hub::dialects::openai
