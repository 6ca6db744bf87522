#include "tools/cli/known_sandboxes.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/utf8.hpp"

#include <algorithm>

namespace sandfleet::cli {

namespace {

constexpr std::size_t max_command = 200;
constexpr std::string_view id_prefix = "sb-";
constexpr std::string_view plain_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

std::string quoted(const std::string& word) {
  const auto plain = std::string(plain_characters) + "/=:,+@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos)
    return word;
  std::string text = "'";
  for (const char c : word)
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

error not_known(std::span<const sandbox_info> all, const std::string& wanted) {
  auto failure = make_error(errc::not_found, "there is no sandbox '" + wanted + "'");
  std::vector<std::string> known;
  for (const auto& one : all)
    for (const auto& text : {one.id.str(), one.session_id})
      if (!text.empty())
        known.push_back(text);
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  if (const auto meant = core::nearest(wanted, candidates))
    return std::move(failure).with_hint("did you mean '" + std::string(*meant) + "'?");
  return std::move(failure).with_hint("'sandfleet ps' lists all");
}

} // namespace

std::string label_of(const sandbox_info& info, std::string_view label) {
  const auto found = info.labels.find(std::string(label));
  return found == info.labels.end() ? std::string() : found->second;
}

std::string command_text(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : " ") + quoted(word);
  text = protocol::to_utf8(text);
  if (text.size() <= max_command)
    return text;
  text.resize(max_command);
  // Not in the middle of a character: its first byte goes too.
  while (!text.empty() && (text.back() & 0xC0) == 0x80)
    text.pop_back();
  if (!text.empty() && (text.back() & 0x80) != 0)
    text.pop_back();
  return text + "...";
}

result<engine> observing_engine(const cli_context& context) {
  auto settings = context.config.engine_settings();
  if (!settings)
    return fail(settings.error());
  settings->clean_up_at_start = false;
  settings->at_close = close_action::stop;
  settings->stop_all_at_close = false;
  settings->health_interval = std::chrono::milliseconds(0);
  return engine::create(std::move(*settings));
}

result<sandbox_info> find_sandbox(std::span<const sandbox_info> all, const std::string& wanted) {
  std::vector<const sandbox_info*> named;
  std::vector<const sandbox_info*> begun;
  for (const auto& one : all) {
    if (one.id.str() == wanted)
      return one;
    if (one.session_id == wanted)
      named.push_back(&one);
    if (one.id.str().starts_with(wanted) && wanted.size() > id_prefix.size())
      begun.push_back(&one);
  }
  const auto& fitting = named.empty() ? begun : named;
  if (fitting.size() == 1)
    return *fitting.front();
  if (fitting.empty())
    return fail(not_known(all, wanted));
  std::string ids;
  for (const auto* one : fitting)
    ids += (ids.empty() ? "" : ", ") + one->id.str();
  return fail(make_error(errc::invalid_argument, "'" + wanted + "' could be several sandboxes")
                  .with_cause(ids));
}

result<sandbox> attach_to(engine& runtime, foreground& work, const std::string& wanted) {
  auto all = work.wait(runtime.list());
  if (!all)
    return fail(std::move(all.error()));
  const auto found = find_sandbox(*all, wanted);
  if (!found)
    return fail(found.error());
  return work.wait(runtime.attach(found->id));
}

result<void> check_name(const std::string& name) {
  sandbox_spec named;
  named.session_id = name;
  if (name.empty() || name.starts_with(id_prefix) || !validate(named))
    return fail(
        make_error(errc::invalid_argument, "--name: '" + name + "' is no name")
            .with_hint("letters, digits, '.', '_' and '-', at most 128, neither '.' nor '-' "
                       "first, and not beginning with sb-"));
  return {};
}

} // namespace sandfleet::cli
