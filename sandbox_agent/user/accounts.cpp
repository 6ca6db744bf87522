#include "sandbox_agent/user/accounts.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <functional>

namespace sandfleet::agent {

namespace {

constexpr std::size_t passwd_fields = 7;
constexpr std::size_t group_fields = 4;
constexpr std::size_t most_groups = 65'536; // NGROUPS_MAX
constexpr std::size_t longest_name = 32;

/// Takes the first line off; its end is no part of it.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::optional<account> read_account(std::string_view line) {
  const auto fields = core::split(line, ':');
  if (fields.size() != passwd_fields || fields[0].empty() || fields[0].front() == '#')
    return std::nullopt;
  const auto uid = parse_id(fields[2]);
  const auto gid = parse_id(fields[3]);
  if (!uid || !gid)
    return std::nullopt;
  account read{std::string(fields[0]), *uid, *gid, std::string(fields[5]), std::string(fields[6])};
  if (read.home.empty())
    read.home = "/";
  if (read.shell.empty())
    read.shell = "/bin/sh";
  return read;
}

std::optional<account> first_account(std::string_view passwd,
                                     const std::function<bool(const account&)>& fits) {
  while (!passwd.empty())
    if (auto one = read_account(take_line(passwd)); one && fits(*one))
      return one;
  return std::nullopt;
}

bool lists(std::string_view members, std::string_view name) {
  const auto names = core::split(members, ',');
  return std::ranges::find(names, name) != names.end();
}

} // namespace

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit))
    return std::nullopt;
  const auto number = core::parse_integer(text);
  if (!number || *number > 0xFFFFFFFE)
    return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<account> find_account(std::string_view passwd, std::string_view name) {
  return first_account(passwd, [&](const account& one) { return one.name == name; });
}

std::optional<account> find_account(std::string_view passwd, uid_t uid) {
  return first_account(passwd, [&](const account& one) { return one.uid == uid; });
}

std::optional<gid_t> find_group(std::string_view group, std::string_view wanted) {
  while (!group.empty()) {
    const auto fields = core::split(take_line(group), ':');
    if (fields.size() == group_fields && fields[0] == wanted)
      if (const auto number = parse_id(fields[2]))
        return number;
  }
  return wanted == "root" ? gid_t{0} : parse_id(wanted);
}

std::vector<gid_t> groups_of(std::string_view group, std::string_view name) {
  std::vector<gid_t> found;
  while (!group.empty() && found.size() < most_groups) {
    const auto fields = core::split(take_line(group), ':');
    if (fields.size() != group_fields || !lists(fields[3], name))
      continue;
    const auto number = parse_id(fields[2]);
    if (number && std::ranges::find(found, *number) == found.end())
      found.push_back(*number);
  }
  return found;
}

bool is_account_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= longest_name && name.front() != '-' &&
         name.front() != '.' && std::ranges::all_of(name, fits);
}

std::string with_account(std::string_view passwd, std::string_view name, uid_t uid,
                         std::string_view home) {
  const auto entry =
      std::string(name) + ":x:" + std::to_string(uid) + ":0::" + std::string(home) + ":/bin/bash";
  for (auto rest = passwd; !rest.empty();) {
    const auto at = passwd.size() - rest.size();
    const auto one = read_account(take_line(rest));
    if (one && one->uid == uid)
      return std::string(passwd.substr(0, at)) + entry + "\n" + std::string(passwd.substr(at));
  }
  return with_line(passwd, entry);
}

std::string with_line(std::string_view text, std::string_view line) {
  std::string longer(text);
  if (!longer.empty() && longer.back() != '\n')
    longer += '\n';
  return longer.append(line) + "\n";
}

std::string with_member(std::string_view group, std::string_view name, std::string_view member) {
  std::string changed;
  for (auto rest = group; !rest.empty();) {
    const auto before = rest;
    const auto line = take_line(rest);
    const auto fields = core::split(line, ':');
    changed += line;
    if (fields.size() == group_fields && fields[0] == name && !lists(fields[3], member)) {
      if (!fields[3].empty())
        changed += ',';
      changed += member;
    }
    if (line.size() != before.size() - rest.size())
      changed += '\n';
  }
  return changed;
}

bool has_line(std::string_view text, std::string_view line) {
  while (!text.empty())
    if (take_line(text) == line)
      return true;
  return false;
}

} // namespace sandfleet::agent
