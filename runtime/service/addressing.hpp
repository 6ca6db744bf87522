#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::service {

/// One of the servers that a sandbox may have.
enum class server_kind : std::uint8_t {
  agent,
  main, ///< the agent or, where the sandbox runs a command of its client's, that command's
  vscode,
  work_1, ///< an application of the sandbox's user
  work_2,
};

/// What a request is for.
struct address {
  std::string id; ///< of the sandbox
  server_kind server = server_kind::main;
  std::string prefix; ///< what was taken away from the path; empty: nothing
  std::string target; ///< in origin form, as the server is to get it
};

/// Of a request to a host `{id}.…`, or below `/{id}`. Other servers than the main one are named by
/// `vscode-`, `work-1-` or `work-2-` before the host's name or, in the path, by `/{id}/vscode`
/// (which VSCode's server wants to see whole) and `/{id}/work-1`. Nothing for a request that is for
/// none.
[[nodiscard]] std::optional<address> read_address(std::string_view host, std::string_view target);

/// What stands for the sandbox's id in a base address whose hosts tell it.
inline constexpr std::string_view id_pattern = "{runtime_id}";

/// `https://{runtime_id}.example.com` or, when the base says nothing of an id, `BASE/{id}`.
[[nodiscard]] std::string url_of(std::string_view base, std::string_view id);

/// The addresses of a sandbox's applications, with the ports inside.
[[nodiscard]] std::map<std::string, int> work_hosts_of(std::string_view base, std::string_view id,
                                                       int port_1, int port_2);

} // namespace sandfleet::service
