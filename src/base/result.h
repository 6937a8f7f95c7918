// Expected failure is a value: functions that can fail return Result<T>, and SLUICE_TRY leaves early.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <utility>

#include "base/error.h"

namespace sluice::base {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// `return fail(ErrorCode::not_found, "{}: no such tensor", name);`
template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected(Error{.code = code, .message = fmt::format(format, std::forward<Args>(args)...)});
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace sluice::base

#define SLUICE_CONCAT_INNER(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_INNER(a, b)

// SLUICE_TRY(auto file, open(path));   declares `file`, or returns the error from the enclosing function.
#define SLUICE_TRY(declaration, expression) \
  SLUICE_TRY_WITH(return, SLUICE_CONCAT(sluice_try_, __LINE__), declaration, expression)
// The same inside a coroutine.
#define SLUICE_CO_TRY(declaration, expression) \
  SLUICE_TRY_WITH(co_return, SLUICE_CONCAT(sluice_try_, __LINE__), declaration, expression)
#define SLUICE_TRY_WITH(leave, name, declaration, expression) \
  auto name = (expression);                                   \
  if (!name) leave std::unexpected(std::move(name).error());  \
  declaration = *std::move(name)

// SLUICE_CHECK_OK(write(...));   for a Status whose value is void.
#define SLUICE_TRY_VOID(expression)                      \
  if (auto sluice_status = (expression); !sluice_status) \
  return std::unexpected(std::move(sluice_status).error())
#define SLUICE_CO_TRY_VOID(expression)                   \
  if (auto sluice_status = (expression); !sluice_status) \
  co_return std::unexpected(std::move(sluice_status).error())
