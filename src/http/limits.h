// Limits on what others may make us hold while we read their messages. Each has a test at its edge.
#pragma once

#include <cstddef>

namespace sluice::http {

inline constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10;    // request or response head, all lines
inline constexpr std::size_t kMaxHeadFields = 100;                     // header fields of one head
inline constexpr std::size_t kMaxTargetBytes = std::size_t{8} << 10;   // request target
inline constexpr std::size_t kMaxUrlBytes = std::size_t{8} << 10;      // address in configuration
inline constexpr std::size_t kMaxChunkLineBytes = 1024;                // chunk size line with extensions
inline constexpr std::size_t kMaxTrailerBytes = std::size_t{8} << 10;  // all trailer lines of a chunked body
inline constexpr std::size_t kMaxSseEventBytes = std::size_t{16} << 20;     // one event with all its lines
inline constexpr std::size_t kMaxJsonElementBytes = std::size_t{16} << 20;  // one element of a streamed array
inline constexpr std::size_t kMaxFormParts = 128;                           // of one multipart body
// Bytes that may be read past the end of a request body net hands over (SIMD parsers want slack).
inline constexpr std::size_t kBodyPadding = 64;

}  // namespace sluice::http
