#include "http/chunked_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "http/limits.h"

namespace sluice::http {
namespace {

// The payload, or what went wrong; "..." at its end when the body is not complete.
std::string decode(const std::string& text, std::size_t size) {
  ChunkedReader reader;
  std::string payload;
  for (std::size_t at = 0; at < text.size(); at += size) {
    std::string piece = text.substr(at, size);
    const auto step = reader.decode(piece);
    if (!step) return "error: " + std::string(step.error());
    payload += piece.substr(0, step->payload);
    if (step->done) return payload + "|" + text.substr(at + step->consumed);
  }
  return payload + "...";
}

std::string decode_any(const std::string& text) {
  const std::string whole = decode(text, text.size());
  for (std::size_t size = 1; size < text.size(); ++size) EXPECT_EQ(decode(text, size), whole) << size;
  return whole;
}

TEST(http_chunked_reader, joins_chunks_and_stops_at_the_last_byte) {
  EXPECT_EQ(decode_any("3\r\nabc\r\nA;ext=\"1\"\r\n0123456789\r\n0\r\n\r\nnext"), "abc0123456789|next");
  EXPECT_EQ(decode_any("0\r\n\r\n"), "|");
  EXPECT_EQ(decode_any("000001\r\na\r\n0000\r\nT: 1\r\nU: 2\r\n\r\nGET"), "a|GET");
}

TEST(http_chunked_reader, knows_what_is_missing) {
  const std::string whole = "3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(decode(whole.substr(0, size), 1000).ends_with("...")) << size;
}

TEST(http_chunked_reader, refuses_the_malformed) {
  for (const char* bad :
       {"x\r\n", "\r\n", " 1\r\na", "1 \r\na", "-1\r\na", "0x1\r\na", "1\na\n0\n\n", "1\ra", "1\r\nab\r\n",
        "1\r\na\n", "1;\x01\r\na", "0\r\n\n", "0\r\nA: \x02\r\n\r\n", "1000000000000000\r\n"})
    EXPECT_TRUE(decode_any(bad).starts_with("error: ")) << bad;
}

TEST(http_chunked_reader, limits_extensions_and_trailers_at_the_edge) {
  const auto extension = [](std::size_t size) {
    return "1;" + std::string(size, 'e') + "\r\na\r\n0\r\n\r\n";
  };
  EXPECT_EQ(decode(extension(kMaxChunkLineBytes - 1), 100), "a|");  // the CR counts
  EXPECT_TRUE(decode(extension(kMaxChunkLineBytes), 100).starts_with("error: "));
  const auto trailer = [](std::size_t size) { return "0\r\n" + std::string(size, 't') + "\r\n\r\n"; };
  EXPECT_EQ(decode(trailer(kMaxTrailerBytes - 2), 100), "|");  // two CRs count
  EXPECT_TRUE(decode(trailer(kMaxTrailerBytes - 1), 100).starts_with("error: "));
}

}  // namespace
}  // namespace sluice::http
