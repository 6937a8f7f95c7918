// Small text helpers that the standard library of this compiler lacks. ASCII only unless said.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::base {

std::string_view trim(std::string_view text);  // spaces, tabs, CR, LF on both sides
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty pieces

// Whole text as a decimal number, no sign or space around it; nullopt otherwise or on overflow.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

// Up to `most` of `known` that are close to `wanted` (edit distance at most a third of its length, or a
// shared prefix of four), nearest first: for "did you mean".
std::vector<std::string> near_names(std::string_view wanted, std::span<const std::string> known,
                                    std::size_t most = 3);

std::string to_hex(std::span<const std::byte> bytes);

// Compares in a time that depends on the lengths only.
bool equals_in_constant_time(std::string_view a, std::string_view b);

// "1.5 MiB", "512 B": for people, not for machines.
std::string format_bytes(std::uint64_t bytes);

}  // namespace sluice::base
