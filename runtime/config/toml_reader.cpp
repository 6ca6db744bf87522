#include "runtime/config/toml_reader.hpp"

#include <toml++/toml.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

namespace sandfleet::config {

namespace {

constexpr std::size_t max_file_bytes = 1U << 20;

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string())
    return text->get();
  return std::nullopt;
}

std::optional<raw_data> list_of_texts(const toml::array& array) {
  std::vector<std::string> items;
  for (const auto& node : array) {
    auto text = scalar_text(node);
    if (!text)
      return std::nullopt;
    items.push_back(std::move(*text));
  }
  return items;
}

std::optional<raw_data> map_of_texts(const toml::table& table) {
  std::map<std::string, std::string> pairs;
  for (const auto& [name, node] : table) {
    auto text = scalar_text(node);
    if (!text)
      return std::nullopt;
    pairs.emplace(std::string(name.str()), std::move(*text));
  }
  return pairs;
}

std::optional<raw_data> data_of(const toml::node& node) {
  if (auto text = scalar_text(node))
    return std::move(*text);
  if (const auto* whole = node.as_integer())
    return whole->get();
  if (const auto* number = node.as_floating_point())
    return number->get();
  if (const auto* flag = node.as_boolean())
    return flag->get();
  if (const auto* array = node.as_array())
    return list_of_texts(*array);
  if (const auto* table = node.as_table())
    return map_of_texts(*table);
  return std::nullopt;
}

std::string json_of(const toml::table& table) {
  std::ostringstream out;
  out << toml::json_formatter(table);
  return out.str();
}

file_entry entry_of(const std::string& section, const toml::key& name, const toml::node& node) {
  return {section, std::string(name.str()), data_of(node),
          static_cast<unsigned>(name.source().begin.line),
          node.is_table() ? json_of(*node.as_table()) : std::string()};
}

} // namespace

result<std::vector<file_entry>> parse_toml(std::string_view text, const std::string& file) {
  std::vector<file_entry> entries;
  try {
    const auto root = toml::parse(text);
    for (const auto& [name, node] : root) {
      const auto* table = node.as_table();
      if (!table) {
        entries.push_back(entry_of("", name, node));
        continue;
      }
      for (const auto& [inner_name, inner] : *table)
        entries.push_back(entry_of(std::string(name.str()), inner_name, inner));
    }
  } catch (const toml::parse_error& failure) {
    return fail(
        make_error(errc::invalid_configuration,
                   file + ":" + std::to_string(failure.source().begin.line) + ": this is not TOML")
            .with_cause(std::string(failure.description())));
  }
  return entries;
}

result<std::string> read_small_file(const std::string& path) {
  const auto problem = [&](int number) {
    const auto code = number == ENOENT || number == ENOTDIR ? errc::not_found
                      : number == EACCES                    ? errc::permission_denied
                                                            : errc::io_error;
    return fail(errno_error(code, "the configuration file '" + path + "' cannot be read", number)
                    .with_hint("name another one by --config or SANDFLEET_CONFIG")
                    .blamed_on(failure_class::task));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0)
    return problem(errno);
  std::string text;
  std::array<char, 65536> chunk{};
  ssize_t count = 0;
  while (text.size() <= max_file_bytes &&
         (count = ::read(descriptor, chunk.data(), chunk.size())) > 0)
    text.append(chunk.data(), static_cast<std::size_t>(count));
  const int failure = count < 0 ? errno : 0;
  ::close(descriptor);
  if (failure != 0)
    return problem(failure);
  if (text.size() > max_file_bytes)
    return fail(make_error(errc::limit_exceeded, "the configuration file " + path + " is too large")
                    .with("max_bytes", static_cast<std::int64_t>(max_file_bytes)));
  return text;
}

} // namespace sandfleet::config
