#include "runtime/config/literal.hpp"
#include "runtime/config/resolve.hpp"
#include "runtime/config/toml_reader.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"

#include <map>
#include <string>

namespace {

using namespace sandfleet;

/// What has been accepted is fit to be used.
void check_resolved(const config::resolved& all) {
  for (const auto& setting : config::setting_table()) {
    const auto which = config::find_setting(setting.name);
    holds(which);
    (void)all.shown(*which);
  }
  (void)all.engine_settings();
  if (const auto spec = all.base_spec())
    holds(validate(*spec));
}

void check(const config::sources& given) {
  const auto resolved = config::resolve(given);
  if (resolved)
    check_resolved(*resolved);
  else
    holds(!resolved.error().message.empty());
}

void check_file(std::string_view text) {
  const auto entries = config::parse_toml(text, "file");
  const memory_file file(text);
  config::sources given;
  given.config_file = file.path();
  given.directory = "/nowhere";
  const auto resolved = config::resolve(given);
  holds(entries || !resolved);
  check(given);
}

void check_environment(fuzz_input& in) {
  config::sources given;
  given.directory = "/nowhere";
  const auto table = config::setting_table();
  while (!in.empty()) {
    const auto& setting = table[in.byte() % table.size()];
    auto value = in.text();
    if (value.find('\0') != std::string::npos)
      continue; // no environment and no command line holds it
    if (in.flag()) {
      given.flags.emplace_back(setting.name, std::move(value));
    } else {
      const bool theirs = in.flag() && !setting.aliases.empty();
      const auto name =
          theirs ? std::string(setting.aliases.front().environment) : config::own_variable(setting);
      if (!name.empty())
        given.environment[name] = std::move(value);
    }
  }
  check(given);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

void check_literal(fuzz_input& in) {
  (void)config::read_map_literal(in.rest());
  std::map<std::string, std::string> pairs;
  while (!in.empty() && pairs.size() < 8) {
    auto name = in.text(20);
    pairs[std::move(name)] = in.text(40);
  }
  std::string literal = "{";
  for (const auto& [name, value] : pairs)
    literal += quoted(name) + ": " + quoted(value) + ", ";
  const auto read = config::read_map_literal(literal + "}");
  holds(read && *read == pairs);
}

void check_volume(const std::string& text) {
  const auto parsed = parse_volume(text);
  if (!parsed)
    return;
  holds(parsed->host_path.starts_with('/') && parsed->sandbox_path.starts_with('/'));
  const auto again = parse_volume(parsed->host_path + ":" + parsed->sandbox_path +
                                  (parsed->read_only ? ":ro" : ":rw"));
  holds(again && *again == *parsed);
}

} // namespace

/// Whatever stands in a file, a variable, a flag: settings that can be used, or an error with
/// words.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  switch (in.byte() % 4) {
  case 0:
    check_file(in.rest());
    break;
  case 1:
    check_environment(in);
    break;
  case 2:
    check_literal(in);
    break;
  default:
    check_volume(std::string(in.rest()));
  }
  return 0;
}
