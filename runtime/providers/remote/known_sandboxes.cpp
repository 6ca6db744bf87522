#include "runtime/providers/remote/known_sandboxes.hpp"

#include "runtime/providers/remote/verdict.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace sandfleet::providers::remote {

namespace {

using time_point = std::chrono::system_clock::time_point;

listed_state state_of(const sandbox_id& id, const protocol::runtime_object& told) {
  switch (judge(id, told, true).now) {
  case condition::paused:
    return listed_state::paused;
  case condition::ended:
    return listed_state::abandoned;
  case condition::ready:
    return listed_state::running;
  case condition::coming:
    break;
  }
  // Not every service tells in its list whether the sandbox answers.
  return told.status == "starting" ? listed_state::starting : listed_state::running;
}

listed_state state_of(const registry_entry& entry, const protocol::runtime_object* told) {
  if (!entry.record.kept && !entry.owned)
    return listed_state::abandoned;
  if (told != nullptr)
    return state_of(entry.record.id, *told);
  const bool is_yet_to_come = !entry.record.kept && entry.record.runtime_id.empty();
  return is_yet_to_come ? listed_state::starting : listed_state::abandoned;
}

void add_ports(const protocol::runtime_object& told, sandbox_info& info) {
  for (const auto& [address, port] : told.work_hosts)
    info.ports.push_back({port, "", address});
}

sandbox_info info_of(registry_entry entry, const protocol::runtime_object* told) {
  auto& record = entry.record;
  sandbox_info info;
  info.state = state_of(entry, told);
  info.id = record.id;
  info.session_id = std::move(record.session_id);
  info.provider = provider_name("remote");
  info.image = std::move(record.image);
  info.kept = record.kept;
  info.created = time_point(std::chrono::milliseconds(record.created_ms));
  if (record.expires_ms != 0)
    info.expires = time_point(std::chrono::milliseconds(record.expires_ms));
  info.owner_pid = record.owner_pid;
  info.labels = std::move(record.labels);
  if (told != nullptr)
    add_ports(*told, info);
  return info;
}

sandbox_info info_of_stranger(const protocol::runtime_object& told) {
  sandbox_info info;
  info.id = id_of_stranger(told);
  info.state = state_of(info.id, told);
  if (told.session_id != info.id.str())
    info.session_id = told.session_id;
  info.provider = provider_name("remote");
  info.image = told.image;
  info.kept = true;
  add_ports(told, info);
  return info;
}

} // namespace

sandbox_id id_of_stranger(const protocol::runtime_object& told) {
  for (const auto* name : {&told.session_id, &told.runtime_id})
    if (is_sandbox_id(*name))
      return sandbox_id(*name);
  // FNV-1a, which is the same in every program.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : told.runtime_id)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  char text[24];
  std::snprintf(text, sizeof text, "sb-%016llx", static_cast<unsigned long long>(hash));
  return sandbox_id(text);
}

std::vector<sandbox_info> merge(std::vector<registry_entry> entries,
                                std::vector<protocol::runtime_object> told,
                                const std::string& service_url) {
  std::map<std::string, const protocol::runtime_object*> by_runtime;
  std::map<std::string, const protocol::runtime_object*> by_session;
  for (const auto& one : told) {
    by_runtime[one.runtime_id] = &one;
    by_session[one.session_id] = &one;
  }
  std::vector<sandbox_info> all;
  for (auto& entry : entries) {
    const auto& record = entry.record;
    if (record.engine != service_url)
      continue;
    const auto& session = record.session_id.empty() ? record.id.str() : record.session_id;
    const auto& index = record.runtime_id.empty() ? by_session : by_runtime;
    const auto at = index.find(record.runtime_id.empty() ? session : record.runtime_id);
    const auto* found = at == index.end() ? nullptr : at->second;
    if (found != nullptr)
      by_runtime.erase(found->runtime_id);
    all.push_back(info_of(std::move(entry), found));
  }
  for (const auto& [id, one] : by_runtime)
    all.push_back(info_of_stranger(*one));
  return all;
}

} // namespace sandfleet::providers::remote
