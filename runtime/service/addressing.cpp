#include "runtime/service/addressing.hpp"

#include "runtime/core/text.hpp"

#include <sandfleet/ids.hpp>

#include <array>

namespace sandfleet::service {

namespace {

struct server_name {
  std::string_view name;
  server_kind server;
};

constexpr std::array<server_name, 3> server_names = {{{"vscode", server_kind::vscode},
                                                      {"work-1", server_kind::work_1},
                                                      {"work-2", server_kind::work_2}}};

/// The agent's own, whatever is meant for VSCode's server.
constexpr std::string_view vscode_token_path = "/vscode/connection_token";

/// `NAME-REST` or, of a path, `NAME`; moves `text` behind the name.
server_kind take_server(std::string_view& text, char end) {
  for (const auto& [name, server] : server_names)
    if (text.starts_with(name) &&
        (text.size() == name.size() || text[name.size()] == end || text[name.size()] == '?')) {
      text.remove_prefix(name.size());
      return server;
    }
  return server_kind::main;
}

std::string_view first_label(std::string_view host) {
  return host.substr(0, host.find_first_of(".:"));
}

std::string origin_form(std::string_view rest) {
  return rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
}

std::string replaced(std::string_view base, std::string_view by) {
  std::string made(base);
  made.replace(made.find(id_pattern), id_pattern.size(), by);
  return made;
}

std::optional<address> read_path(std::string_view target, server_kind of_host) {
  if (!target.starts_with('/'))
    return std::nullopt;
  const auto end = target.find_first_of("/?", 1);
  const auto id = target.substr(1, end == std::string_view::npos ? end : end - 1);
  if (!is_sandbox_id(id))
    return std::nullopt;
  const auto behind = target.substr(1 + id.size());
  address found{std::string(id), of_host, std::string(target.substr(0, 1 + id.size())),
                origin_form(behind)};
  if (of_host != server_kind::main || behind.starts_with(vscode_token_path) ||
      !behind.starts_with('/'))
    return found;
  auto rest = behind.substr(1);
  found.server = take_server(rest, '/');
  if (found.server == server_kind::vscode) {
    found.prefix.clear();
    found.target = target;
  } else if (found.server != server_kind::main) {
    found.prefix = target.substr(0, target.size() - rest.size());
    found.target = origin_form(rest);
  }
  return found;
}

} // namespace

std::optional<address> read_address(std::string_view host, std::string_view target) {
  const auto lower = core::to_lower(host);
  auto label = first_label(lower);
  auto server = take_server(label, '-');
  if (server != server_kind::main) {
    if (!label.starts_with('-'))
      server = server_kind::main;
    else
      label.remove_prefix(1);
  }
  if (is_sandbox_id(label))
    return address{std::string(label), server, {}, origin_form(target)};
  return read_path(target, server);
}

std::string url_of(std::string_view base, std::string_view id) {
  return base.find(id_pattern) != std::string_view::npos
             ? replaced(base, id)
             : std::string(base) + "/" + std::string(id);
}

std::map<std::string, int> work_hosts_of(std::string_view base, std::string_view id, int port_1,
                                         int port_2) {
  const auto address_of = [&](const std::string& name) {
    return base.find(id_pattern) != std::string_view::npos
               ? replaced(base, name + "-" + std::string(id))
               : url_of(base, id) + "/" + name;
  };
  return {{address_of("work-1"), port_1}, {address_of("work-2"), port_2}};
}

} // namespace sandfleet::service
