#include "runtime/protocol/program_fields.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

namespace sandfleet::protocol {

void refuse_nul(json_object& in, std::string_view name, std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    in.reject(name, "must not hold a NUL");
}

std::vector<std::string> read_strings(json_object& in, std::string_view name) {
  std::vector<std::string> strings;
  if (!in.has(name))
    return strings;
  const auto* list = in.find(name)->if_array();
  if (!list) {
    in.reject(name, "must be a list of strings");
    return strings;
  }
  strings.reserve(list->size());
  for (const auto& element : *list) {
    if (const auto* text = element.if_string())
      strings.emplace_back(*text);
    else
      in.reject(name, "must be a list of strings");
  }
  return strings;
}

std::map<std::string, std::string> read_env(json_object& in) {
  std::map<std::string, std::string> env;
  if (!in.has("env"))
    return env;
  const auto* variables = in.find("env")->if_object();
  if (!variables) {
    in.reject("env", "must be an object of strings");
    return env;
  }
  for (const auto& [name, value] : *variables) {
    const auto* text = value.if_string();
    if (!text || name.empty() || std::string_view(name).find('=') != std::string_view::npos) {
      in.reject("env", "must be an object of strings, with names that hold no '='");
      break;
    }
    refuse_nul(in, "env", name);
    refuse_nul(in, "env", *text);
    env.emplace(name, *text);
  }
  return env;
}

void write_program(json_writer& out, const std::vector<std::string>& argv, const std::string& cwd,
                   const std::map<std::string, std::string>& env) {
  out.key("argv").begin_array();
  for (const auto& argument : argv)
    out.value(argument);
  out.end_array();
  if (!cwd.empty())
    out.member("cwd", cwd);
  out.key("env").begin_object();
  for (const auto& [name, value] : env)
    out.member(name, value);
  out.end_object();
}

} // namespace sandfleet::protocol
