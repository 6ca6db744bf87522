#include "sandbox_agent/bash/session.hpp"

#include "sandbox_agent/bash/session_impl.hpp"

#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;

bash_session::bash_session(asio::any_io_executor executor, session_settings settings)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(settings))) {}

bash_session::~bash_session() {
  impl_->close();
}

asio::awaitable<result<void>> bash_session::start() {
  const auto self = impl_;
  const auto turn = co_await self->turns->take();
  co_return co_await self->ready();
}

asio::awaitable<std::variant<protocol::run_observation, protocol::error_observation>>
bash_session::run(protocol::run_action action, output_watcher watcher) {
  const auto self = impl_;
  if (!action.is_static) {
    const auto turn = co_await self->turns->take();
    co_return co_await self->run(std::move(action), std::move(watcher));
  }
  auto settings = self->settings;
  if (action.cwd && !action.cwd->empty())
    settings.working_dir = *action.cwd;
  bash_session fresh(self->executor, std::move(settings));
  action.is_static = false;
  co_return co_await fresh.run(std::move(action), std::move(watcher));
}

asio::awaitable<result<command_result>> bash_session::eval(command_request request) {
  const auto self = impl_;
  const auto turn = co_await self->turns->take();
  co_return co_await self->eval(std::move(request));
}

asio::awaitable<bool> bash_session::interrupt(bool force) {
  const auto shell = impl_->current;
  if (!shell || shell->ended() || shell->at_prompt() || !shell->opened())
    co_return false;
  if (force)
    co_await shell->kill();
  else
    shell->type_key('\x03');
  co_return true;
}

const std::string& bash_session::working_dir() const {
  return impl_->working_dir;
}

int bash_session::shell_pid() const {
  return impl_->current ? static_cast<int>(impl_->current->pid()) : 0;
}

} // namespace sandfleet::agent
