#pragma once

#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The members by which messages say what to run: "argv", "cwd", "env".
namespace sandfleet::protocol {

/// For texts that the kernel takes as paths, arguments and environment.
void refuse_nul(json_object& in, std::string_view name, std::string_view text);

/// A list of strings; empty when it is absent.
[[nodiscard]] std::vector<std::string> read_strings(json_object& in, std::string_view name);

/// "env": an object of strings.
[[nodiscard]] std::map<std::string, std::string> read_env(json_object& in);

/// All three; without a directory when it is empty.
void write_program(json_writer& out, const std::vector<std::string>& argv, const std::string& cwd,
                   const std::map<std::string, std::string>& env);

} // namespace sandfleet::protocol
