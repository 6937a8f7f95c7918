// The words of the Responses API that both directions use.
#pragma once

#include <string_view>

namespace sluice::hub::dialects::responses {

// types of parts
inline constexpr std::string_view kInputText = "input_text";
inline constexpr std::string_view kInputImage = "input_image";
inline constexpr std::string_view kInputAudio = "input_audio";
inline constexpr std::string_view kInputFile = "input_file";
inline constexpr std::string_view kOutputText = "output_text";
inline constexpr std::string_view kRefusal = "refusal";
inline constexpr std::string_view kSummaryText = "summary_text";
inline constexpr std::string_view kReasoningText = "reasoning_text";

// types of items
inline constexpr std::string_view kMessage = "message";
inline constexpr std::string_view kReasoning = "reasoning";
inline constexpr std::string_view kFunctionCall = "function_call";
inline constexpr std::string_view kFunctionCallOutput = "function_call_output";

// values of `include`
inline constexpr std::string_view kIncludeLogprobs = "message.output_text.logprobs";
inline constexpr std::string_view kIncludeEncrypted = "reasoning.encrypted_content";

// The name of the dialect, on what only it understands.
inline constexpr std::string_view kName = "responses";

}  // namespace sluice::hub::dialects::responses
