// Whether what happened is what a row says must happen: the caller's side, each upstream's count of attempts,
// the gap between them, and that nothing was left running. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "app/drill/caller.h"
#include "app/drill/play.h"
#include "hub/simulator/upstreams.h"

namespace sluice::app::drill {

struct Row {
  const Play* play = nullptr;
  Got got;
  int served_by = kNobody;                   // by the words of the answer
  std::array<int, kRoutesMax> attempts{};    // that upstreams saw
  std::optional<milliseconds> gap;           // between the first two attempts
  std::optional<milliseconds> closed_after;  // the last upstream, once the caller had left
  milliseconds time{0};
  base::NanoUsd cost{};               // of all attempts, as their upstreams would bill them
  std::vector<std::string> problems;  // empty: as it must be

  bool is_good() const { return problems.empty(); }
};

inline constexpr milliseconds kCloseWithin{1000};  // after the caller has left, or has its answer

struct Conditions {
  // Other requests of the same row ran beside this one, so a route may have been passed over for what it did
  // to them, and a schedule may have been used up.
  bool loaded = false;
  double slack = 1;  // times the longest gap and time that are documented: for sanitizers and busy machines
};

Row judge(const Play& play, Got got, std::span<const hub::simulator::SeenRequest> seen,
          Conditions conditions);

}  // namespace sluice::app::drill
