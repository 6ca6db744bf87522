#include "runtime/service/key_file.hpp"

#include "runtime/config/toml_reader.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace sandfleet::service {

namespace {

tl::unexpected<error> refuse(const std::string& file, const config::file_entry& entry,
                             const std::string& why) {
  return fail(make_error(errc::invalid_configuration,
                         file + ":" + std::to_string(entry.line) + ": " + entry.path() + " " + why)
                  .with_hint("in a table for each key: key (a text), max_sandboxes and "
                             "starts_per_minute (whole numbers)"));
}

result<void> read_entry(api_key& key, const config::file_entry& entry, const std::string& file) {
  const auto* text = entry.data ? std::get_if<std::string>(&*entry.data) : nullptr;
  const auto* number = entry.data ? std::get_if<std::int64_t>(&*entry.data) : nullptr;
  if (entry.name == "key") {
    if (text == nullptr)
      return refuse(file, entry, "is no text");
    key.secret = *text;
    return {};
  }
  auto* limit = entry.name == "max_sandboxes"       ? &key.quota.max_sandboxes
                : entry.name == "starts_per_minute" ? &key.quota.starts_per_minute
                                                    : nullptr;
  if (limit == nullptr)
    return refuse(file, entry, "is not known");
  if (number == nullptr || *number < 0)
    return refuse(file, entry, "is no whole number");
  *limit = *number;
  return {};
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
      at = keys.insert(at, api_key{entry.section, {}, {}});
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
