#pragma once

#include "runtime/protocol/action.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a `run` action is answered with: OpenHands' texts, as pure functions
/// (openhands/runtime/utils/bash.py, bash_constants.py).
namespace sandfleet::agent {

/// A number as Python prints a float: 10.0, 0.5, 1e-05.
[[nodiscard]] std::string python_float(double value);

/// A key is written `C-x`, three characters; nothing for any other text.
[[nodiscard]] std::optional<char> special_key(std::string_view command);

/// A command without the white space around it, as Python's `str.strip` sees it in ASCII.
[[nodiscard]] std::string_view stripped(std::string_view text);

/// Every line without the white space at its end.
[[nodiscard]] std::string strip_lines(std::string_view text);

/// What is new in `screen` since `before` was shown, without the echo of the input `echoed` at its
/// front, and without white space around it. Text that does not begin as before is all new.
[[nodiscard]] std::string new_output(std::string_view screen, std::string_view before,
                                     std::string_view echoed);

[[nodiscard]] std::string no_change_suffix(std::chrono::milliseconds limit);
[[nodiscard]] std::string time_out_suffix(double seconds);
[[nodiscard]] std::string not_executed_suffix(std::string_view command);
[[nodiscard]] std::string completed_suffix(int exit_code, std::optional<char> key);
[[nodiscard]] std::string truncated_prefix(std::string_view shown);
inline constexpr std::string_view continued_prefix =
    "[Below is the output of the previous command.]\n";

[[nodiscard]] protocol::run_observation nothing_to_show();
[[nodiscard]] protocol::run_observation nothing_to_talk_to();
[[nodiscard]] protocol::error_observation several_commands(const std::vector<std::string>& found);

} // namespace sandfleet::agent
