#pragma once

#include "runtime/engine/sandbox_impl.hpp"

#include <sandfleet/workspace.hpp>

namespace sandfleet::engine_detail {

/// What `sandbox::set_up` promises.
boost::asio::awaitable<result<setup_report>> set_up_workspace(std::shared_ptr<sandbox::impl> self,
                                                              workspace_setup wanted);

} // namespace sandfleet::engine_detail
