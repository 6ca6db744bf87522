#include "tools/cli/known_sandboxes.hpp"

#include "runtime/core/text.hpp"
#include "runtime/engine/known_providers.hpp"
#include "runtime/protocol/utf8.hpp"
#include "tools/cli/setting_flags.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

namespace sandfleet::cli {

namespace {

namespace asio = boost::asio;
using config::key;

constexpr std::chrono::seconds listing_patience{5};
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

/// Nothing where none fits.
result<std::optional<sandbox_info>> find_among(std::span<const sandbox_info> all,
                                               const std::string& wanted) {
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
  if (fitting.empty())
    return std::nullopt;
  if (fitting.size() == 1)
    return *fitting.front();
  std::string ids;
  for (const auto* one : fitting)
    ids += (ids.empty() ? "" : ", ") + one->id.str();
  return fail(make_error(errc::invalid_argument, "'" + wanted + "' could be several sandboxes")
                  .with_cause(ids));
}

/// `is_one_of_many`: the others are not to wait for a Docker engine that is silent.
asio::awaitable<result<std::vector<sandbox_info>>> list_soon(engine& runtime, bool is_one_of_many) {
  if (!is_one_of_many)
    co_return co_await runtime.list();
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer limit(co_await asio::this_coro::executor, listing_patience);
  auto listed = co_await (runtime.list() || limit.async_wait(asio::use_awaitable));
  if (auto* all = std::get_if<0>(&listed))
    co_return std::move(*all);
  co_return fail(make_error(errc::timed_out, "no answer in time to what sandboxes there are")
                     .blamed_on(failure_class::infrastructure));
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

known_sandboxes::known_sandboxes(const cli_context& context) : context_(context) {
  const auto& chosen = context.config.at(key::provider);
  places_.emplace_back().provider = provider_name(context.config.text(key::provider));
  const bool is_told =
      !chosen.from.empty() && chosen.from.front().layer == config::origin::layer_kind::flag;
  if (is_told)
    return;
  for (auto& name : engine_detail::providers_with_state(context.config.text(key::state_dir),
                                                        config::info(key::provider).choices))
    if (name != places_.front().provider)
      places_.emplace_back().provider = std::move(name);
}

engine* known_sandboxes::open(place& which) {
  if (!std::exchange(which.is_opened, true)) {
    auto settings = context_.config.engine_settings();
    if (!settings) {
      note(which, std::move(settings.error()));
      return nullptr;
    }
    if (which.provider != settings->provider)
      settings->image = which.provider.str() == "local" ? "host" : "";
    settings->provider = which.provider;
    settings->clean_up_at_start = false;
    settings->at_close = close_action::stop;
    settings->stop_all_at_close = false;
    settings->health_interval = std::chrono::milliseconds(0);
    auto made = engine::create(std::move(*settings));
    if (made)
      which.runtime.emplace(std::move(*made));
    else
      note(which, std::move(made.error()));
  }
  return which.runtime ? &*which.runtime : nullptr;
}

/// The only provider that is asked is the one to complain of.
void known_sandboxes::note(const place& which, error failure) {
  if (places_.size() > 1)
    failure.message = "provider " + which.provider.str() + ": " + failure.message;
  failures_.push_back(std::move(failure));
}

const std::vector<sandbox_info>& known_sandboxes::list(place& which) {
  if (which.all)
    return *which.all;
  which.all.emplace();
  auto* runtime = open(which);
  if (runtime == nullptr)
    return *which.all;
  auto found = foreground(runtime->executor()).wait(list_soon(*runtime, places_.size() > 1));
  if (found)
    which.all = std::move(*found);
  else
    note(which, std::move(found.error()));
  return *which.all;
}

std::vector<known_sandboxes::located> known_sandboxes::list() {
  std::vector<located> found;
  for (auto& one : places_)
    for (const auto& info : list(one))
      found.push_back({info, &*one.runtime});
  return found;
}

result<known_sandboxes::located> known_sandboxes::find(const std::string& wanted) {
  std::vector<sandbox_info> others;
  for (auto& one : places_) {
    const auto& all = list(one);
    auto fitting = find_among(all, wanted);
    if (!fitting)
      return fail(std::move(fitting.error()));
    if (*fitting)
      return located{**fitting, &*one.runtime};
    others.insert(others.end(), all.begin(), all.end());
  }
  if (is_blind())
    return fail(failures_.front());
  auto failure = not_known(others, wanted);
  if (!failures_.empty())
    failure.cause = "there may be more: " + failures_.front().message;
  return fail(std::move(failure));
}

recovered known_sandboxes::clean_up(clean_up_mode mode) {
  recovered all;
  for (auto& one : places_) {
    auto* runtime = open(one);
    if (runtime == nullptr)
      continue;
    auto found = foreground(runtime->executor()).wait(runtime->clean_up(mode));
    if (!found) {
      note(one, std::move(found.error()));
      continue;
    }
    std::ranges::move(found->removed, std::back_inserter(all.removed));
    std::ranges::move(found->failures, std::back_inserter(all.failures));
  }
  return all;
}

void add_provider_flag(CLI::App& app, config::flag_layer& flags) {
  add_setting_flags(app, std::array{key::provider}, flags,
                    "only sandboxes of that provider [all that have any here]");
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
