#include "runtime/providers/docker/derived_image.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace sandfleet::providers::docker {

namespace {

constexpr std::string_view version = "v1_"; ///< of what is built, not of the program
constexpr std::size_t longest_base = 96;    ///< a tag has at most 128 bytes
constexpr std::size_t longest_commands = 60'000;
constexpr std::size_t longest_tail = 2000;

/// The parts are told apart, whatever is in them.
std::string hash_of(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const auto part : parts)
    text.append(std::to_string(part.size())).append(":").append(part);
  boost::uuids::name_generator_sha1 make(boost::uuids::ns::oid());
  auto hex = boost::uuids::to_string(make(text));
  std::erase(hex, '-');
  return hex;
}

/// The characters that a tag may have.
std::string tag_text(std::string_view name) {
  std::string text;
  for (const char c : core::to_lower(name)) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    text += c == '/' ? "_s_" : c == ':' ? "_t_" : fits ? std::string(1, c) : "_";
  }
  return text.size() > longest_base ? text.substr(text.size() - longest_base) : text;
}

enum class form { flag, value, map, list, platform };

struct build_option {
  std::string_view word;
  std::string_view parameter;
  form kind;
};

constexpr auto known_options = std::to_array<build_option>({
    {"--add-host", "extrahosts", form::value},
    {"--build-arg", "buildargs", form::map},
    {"--cache-from", "cachefrom", form::list},
    {"--label", "labels", form::map},
    {"--memory", "memory", form::value},
    {"--network", "networkmode", form::value},
    {"--no-cache", "nocache", form::flag},
    {"--platform", "platform", form::platform},
    {"--pull", "pull", form::flag},
    {"--shm-size", "shmsize", form::value},
    {"--squash", "squash", form::flag},
});

tl::unexpected<error> misfit(std::string_view word, std::string why) {
  std::vector<std::string_view> words;
  for (const auto& one : known_options)
    words.push_back(one.word);
  return fail(make_error(errc::invalid_argument,
                         "runtime_extra_build_args: '" + std::string(word) + "' " + std::move(why))
                  .with_hint("known are: " + core::join(words, ", ")));
}

std::string map_text(const std::map<std::string, std::string>& pairs) {
  protocol::json_writer out;
  out.begin_object();
  for (const auto& [name, value] : pairs)
    out.member(name, value);
  return std::move(out.end_object()).take();
}

std::string list_text(const std::vector<std::string>& items) {
  protocol::json_writer out;
  out.begin_array();
  for (const auto& one : items)
    out.value(one);
  return std::move(out.end_array()).take();
}

/// Engines print in red what a command writes to standard error, each piece that it writes.
std::string without_colours(std::string_view line) {
  std::string plain;
  for (auto at = line.find("\x1b["); at != std::string_view::npos; at = line.find("\x1b[")) {
    plain += line.substr(0, at);
    const auto end = line.find_first_not_of("0123456789;", at + 2);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return plain.append(line);
}

std::string exit_code_in(std::string_view said) {
  constexpr std::string_view sign = "returned a non-zero code: ";
  const auto at = said.rfind(sign);
  if (at == std::string_view::npos)
    return {};
  const auto rest = said.substr(at + sign.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789")));
}

} // namespace

derived_image wish_of(std::string base, const docker_options& options) {
  return {std::move(base), options.platform, options.extra_deps, options.extra_build_args,
          options.force_rebuild};
}

derived_names names_of(const derived_image& wish, std::string_view base_id,
                       std::string_view dockerfile, std::string_view repository) {
  const auto begin = std::string(repository) + ":" + std::string(version);
  std::string arguments;
  for (const auto& one : wish.arguments)
    arguments += one + '\n';
  const auto asked = hash_of({wish.base, wish.platform, wish.commands, arguments}).substr(0, 16);
  derived_names names;
  names.lock = begin + asked;
  names.source = names.lock + "_" + hash_of({base_id, dockerfile}).substr(0, 16);
  names.versioned = begin + tag_text(wish.base);
  return names;
}

result<build_arguments> build_options(const std::vector<std::string>& arguments) {
  build_arguments read;
  std::map<std::string_view, std::map<std::string, std::string>> maps;
  std::map<std::string_view, std::vector<std::string>> lists;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    const auto word = arguments[i].substr(0, equals);
    const auto* known = std::ranges::find(known_options, word, &build_option::word);
    if (known == known_options.end())
      return misfit(word, "is no argument that is known");
    std::string value = equals == std::string::npos ? "" : arguments[i].substr(equals + 1);
    if (known->kind == form::flag) {
      if (equals != std::string::npos && value != "true" && value != "false")
        return misfit(word, "is true or false");
      if (value != "false")
        read.query.emplace_back(known->parameter, "1");
      continue;
    }
    if (equals == std::string::npos) {
      if (++i == arguments.size())
        return misfit(word, "lacks its value");
      value = arguments[i];
    }
    const auto split = value.find('=');
    switch (known->kind) {
    case form::map:
      if (known->parameter == "buildargs" && split == std::string::npos)
        return misfit(word, "lacks a value: write NAME=VALUE");
      if (known->parameter == "buildargs")
        read.names.push_back(value.substr(0, split));
      maps[known->parameter][value.substr(0, split)] =
          split == std::string::npos ? "" : value.substr(split + 1);
      break;
    case form::list:
      lists[known->parameter].push_back(std::move(value));
      break;
    case form::platform:
      read.platform = std::move(value);
      break;
    default:
      read.query.emplace_back(known->parameter, std::move(value));
    }
  }
  for (const auto& [parameter, pairs] : maps)
    read.query.emplace_back(parameter, map_text(pairs));
  for (const auto& [parameter, items] : lists)
    read.query.emplace_back(parameter, list_text(items));
  return read;
}

result<std::string> dockerfile_of(const derived_image& wish, std::string_view user,
                                  const std::vector<std::string>& arguments) {
  if (wish.commands.size() > longest_commands)
    return fail(make_error(errc::limit_exceeded, "runtime_extra_deps is too long")
                    .blamed_on(failure_class::task)
                    .with("bytes", static_cast<std::int64_t>(wish.commands.size()))
                    .with("max_bytes", static_cast<std::int64_t>(longest_commands)));
  std::string text = "FROM " + wish.base + "\nUSER 0\n";
  for (const auto& name : arguments)
    text += "ARG " + name + "\n";
  text += "RUN " + list_text({"/bin/sh", "-c", "set -ex; " + wish.commands}) + "\n";
  if (!user.empty())
    text += "USER " + std::string(user) + "\n";
  return text;
}

void build_log::take(const sandfleet::docker::progress_line& line,
                     const std::function<void(std::string_view)>& on_line) {
  auto text = line.text;
  if (!line.layer.empty() && !text.empty())
    text = line.layer + ": " + text + "\n"; // of a pull
  lines_.feed(text, [&](std::string_view one) {
    if (one.starts_with("Step "))
      step_ = one.substr(5, one.find(' ', 5) - 5);
    const auto plain = without_colours(one);
    if (plain.starts_with("+ "))
      command_ = plain.substr(2);
    if (plain.empty())
      return;
    tail_.append(plain).append("\n");
    if (tail_.size() > longest_tail)
      tail_.erase(0, tail_.size() - longest_tail);
    on_line(plain);
  });
}

error build_log::explain(const std::string& image, error refusal) const {
  if (refusal.code == errc::cancelled || refusal.code == errc::timed_out)
    return refusal;
  const auto code = exit_code_in(refusal.cause);
  refusal.message = "the image '" + image + "' with runtime_extra_deps cannot be built";
  if (!step_.empty())
    refusal.evidence.emplace_back("step", step_);
  if (!tail_.empty())
    refusal.evidence.emplace_back("log", tail_);
  if (code.empty())
    return refusal;
  refusal.blame = failure_class::task;
  refusal.cause = command_.empty() ? refusal.cause : command_ + ": exit code " + code;
  refusal.evidence.emplace_back("exit_code", *core::parse_integer(code));
  refusal.hint = "try the commands of runtime_extra_deps in a container of the base image";
  return refusal;
}

} // namespace sandfleet::providers::docker
