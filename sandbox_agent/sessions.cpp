#include "sandbox_agent/sessions.hpp"

#include <algorithm>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;

sessions::sessions(asio::any_io_executor executor, session_settings settings)
    : executor_(std::move(executor)), settings_(std::move(settings)) {}

asio::awaitable<result<std::shared_ptr<bash_session>>> sessions::get(session_name name) {
  if (const auto found = by_name_.find(name); found != by_name_.end())
    co_return found->second; // its calls queue behind the start
  if (by_name_.size() >= max_sessions)
    co_return fail(make_error(errc::limit_exceeded, "there are too many sessions")
                       .with("max_sessions", static_cast<std::int64_t>(max_sessions)));
  auto session = std::make_shared<bash_session>(executor_, settings_);
  by_name_.emplace(name, session);
  auto started = co_await session->start();
  if (started)
    co_return session;
  if (const auto found = by_name_.find(name); found != by_name_.end() && found->second == session)
    by_name_.erase(found);
  co_return tl::unexpected(started.error());
}

std::shared_ptr<bash_session> sessions::find(const session_name& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void sessions::set_environment(const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables)
    settings_.env[name] = value;
}

std::vector<std::shared_ptr<bash_session>> sessions::all() const {
  std::vector<std::shared_ptr<bash_session>> found;
  for (const auto& [name, session] : by_name_)
    found.push_back(session);
  return found;
}

std::string sessions::working_dir(const session_name& name) const {
  const auto session = find(name);
  return session ? session->working_dir() : settings_.working_dir;
}

bool sessions::is_shell(int pid) const {
  return std::ranges::any_of(by_name_,
                             [&](const auto& entry) { return entry.second->shell_pid() == pid; });
}

} // namespace sandfleet::agent
