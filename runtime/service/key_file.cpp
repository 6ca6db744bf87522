#include "runtime/service/key_file.hpp"

#include "runtime/config/toml_reader.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace sandfleet::service {

namespace {

constexpr std::int64_t most_seconds = 10LL * 365 * 24 * 3600;

tl::unexpected<error> refuse(const std::string& file, const config::file_entry& entry,
                             const std::string& why) {
  return fail(make_error(errc::invalid_configuration,
                         file + ":" + std::to_string(entry.line) + ": " + entry.path() + " " + why)
                  .with_hint("in a table for each key: key (a text), max_sandboxes, "
                             "starts_per_minute, max_cpus, max_memory_mb, idle_pause_s and "
                             "time_to_live_s (numbers), auto_resume (true or false)"));
}

using value = std::optional<config::raw_data>;

bool read_text(const value& from, std::string& to) {
  const auto* text = from ? std::get_if<std::string>(&*from) : nullptr;
  if (text != nullptr)
    to = *text;
  return text != nullptr;
}

bool read_flag(const value& from, bool& to) {
  const auto* flag = from ? std::get_if<bool>(&*from) : nullptr;
  if (flag != nullptr)
    to = *flag;
  return flag != nullptr;
}

bool read_whole(const value& from, std::optional<std::int64_t>& to) {
  const auto* number = from ? std::get_if<std::int64_t>(&*from) : nullptr;
  if (number == nullptr || *number < 0)
    return false;
  to = *number;
  return true;
}

bool read_number(const value& from, std::optional<double>& to) {
  if (const auto* number = from ? std::get_if<double>(&*from) : nullptr; number && *number >= 0) {
    to = *number;
    return true;
  }
  std::optional<std::int64_t> whole;
  if (!read_whole(from, whole))
    return false;
  to = static_cast<double>(*whole);
  return true;
}

/// Above zero.
bool read_seconds(const value& from, std::optional<std::chrono::seconds>& to) {
  std::optional<std::int64_t> whole;
  if (!read_whole(from, whole) || *whole == 0 || *whole > most_seconds)
    return false;
  to = std::chrono::seconds(*whole);
  return true;
}

result<void> read_entry(api_key& key, const config::file_entry& entry, const std::string& file) {
  const auto wants = [&](bool read, const char* what) -> result<void> {
    if (read)
      return {};
    return refuse(file, entry, std::string("is no ") + what);
  };
  const auto& name = entry.name;
  const auto& given = entry.data;
  if (name == "key")
    return wants(read_text(given, key.secret), "text");
  if (name == "max_sandboxes")
    return wants(read_whole(given, key.quota.max_sandboxes), "whole number");
  if (name == "starts_per_minute")
    return wants(read_whole(given, key.quota.starts_per_minute), "whole number");
  if (name == "max_cpus")
    return wants(read_number(given, key.quota.max_cpus), "number");
  if (name == "max_memory_mb")
    return wants(read_whole(given, key.quota.max_memory_mb), "whole number");
  if (name == "idle_pause_s")
    return wants(read_seconds(given, key.policy.idle_pause), "whole number of seconds above 0");
  if (name == "time_to_live_s")
    return wants(read_seconds(given, key.policy.time_to_live), "whole number of seconds above 0");
  if (name == "auto_resume")
    return wants(read_flag(given, key.policy.auto_resume), "true or false");
  return refuse(file, entry, "is not known");
}

} // namespace

result<std::vector<api_key>> parse_key_file(std::string_view text, const std::string& file) {
  auto entries = config::parse_toml(text, file);
  if (!entries)
    return fail(std::move(entries.error()));
  std::vector<api_key> keys;
  for (const auto& entry : *entries) {
    if (entry.section.empty())
      return refuse(file, entry, "stands in no table");
    auto at = std::ranges::find(keys, entry.section, &api_key::name);
    if (at == keys.end())
      at = keys.insert(at, api_key{entry.section, {}, {}, {}});
    if (auto read = read_entry(*at, entry, file); !read)
      return fail(std::move(read.error()));
  }
  return keys;
}

result<std::vector<api_key>> read_key_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 0077) != 0)
    return fail(make_error(errc::permission_denied, "'" + path + "' can be read by others")
                    .with_hint("chmod 600 it"));
  const auto text = config::read_small_file(path);
  if (!text)
    return fail(text.error());
  return parse_key_file(*text, path);
}

} // namespace sandfleet::service
