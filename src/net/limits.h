// Limits of the socket layer. Times and sizes that an operator may change are fields of ServerLimits and
// Deadlines; here are their defaults and what is fixed. Each has a test at its edge.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::net {

inline constexpr std::size_t kMaxBodyBytes = std::size_t{32} << 20;       // request body
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;    // ClientResponse::read_all
inline constexpr std::size_t kMaxConnections = 16384;                     // accepted, all loops together
inline constexpr std::size_t kMaxPipelinedBytes = std::size_t{64} << 10;  // read ahead while a request runs
inline constexpr std::size_t kReadBytes = std::size_t{64} << 10;          // one read; one buffer per loop
inline constexpr std::size_t kMaxLoops = 256;
inline constexpr std::size_t kMaxIdlePerOrigin = 64;            // pooled connections, per loop
inline constexpr std::size_t kMaxAddresses = 8;                 // of one name that are tried
inline constexpr std::size_t kMaxLookupThreads = 8;             // of the process, for getaddrinfo
inline constexpr std::size_t kMaxLookupsWaiting = 1024;         // for one of them
inline constexpr std::size_t kMaxSideWork = 64;                 // waiting for the thread that may block
inline constexpr std::size_t kMaxInterimAnswers = 16;           // 1xx before the answer
inline constexpr std::chrono::milliseconds kAddressDelay{250};  // before the next address is tried as well
inline constexpr std::chrono::seconds kIdleAge{55};             // pooled connection, unused
inline constexpr std::chrono::milliseconds kLinger{500};        // reads after an answer that closes

inline constexpr std::chrono::seconds kKillPatience{2};  // for handlers to end after a hard stop

}  // namespace sluice::net
