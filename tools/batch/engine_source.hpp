#pragma once

#include "tools/batch/sandbox_source.hpp"

#include <sandfleet/engine.hpp>

namespace sandfleet::batch {

/// Sandboxes of an engine, which must outlive them.
class engine_source final : public sandbox_source {
 public:
  explicit engine_source(engine& runtime) : runtime_(runtime) {}

  boost::asio::awaitable<result<std::unique_ptr<task_sandbox>>> start(sandbox_spec spec) override;

 private:
  engine& runtime_;
};

} // namespace sandfleet::batch
