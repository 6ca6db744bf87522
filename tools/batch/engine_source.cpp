#include "tools/batch/engine_source.hpp"

#include <sandfleet/sandbox.hpp>

#include <utility>

namespace sandfleet::batch {
namespace {

namespace asio = boost::asio;

class engine_sandbox final : public task_sandbox {
 public:
  explicit engine_sandbox(sandbox box) : box_(std::move(box)) {}

  [[nodiscard]] std::string id() const override { return box_.id().str(); }
  [[nodiscard]] limits_report limits() const override { return box_.limits(); }

  asio::awaitable<result<command_result>> run(command_request request) override {
    return box_.run(std::move(request));
  }
  asio::awaitable<result<exec_result>> exec(exec_request request) override {
    return box_.exec(std::move(request));
  }
  asio::awaitable<result<void>> write_file(std::string path, std::string bytes,
                                           std::uint32_t mode) override {
    return box_.write_file(std::move(path), std::move(bytes), mode);
  }
  asio::awaitable<result<file_content>> read_file(std::string path,
                                                  std::size_t max_bytes) override {
    return box_.read_file(std::move(path), max_bytes);
  }
  asio::awaitable<result<std::vector<std::string>>> glob(std::string pattern) override {
    return box_.glob(std::move(pattern));
  }
  asio::awaitable<result<void>> kill_processes() override { return box_.kill_processes(); }

  asio::awaitable<result<sandbox_end>> stop() override {
    auto report = co_await box_.stop();
    if (!report)
      co_return tl::unexpected(std::move(report.error()));
    sandbox_end end;
    end.usage = report->usage;
    end.failure = std::move(report->failure);
    co_return end;
  }

 private:
  sandbox box_;
};

} // namespace

asio::awaitable<result<std::unique_ptr<task_sandbox>>> engine_source::start(sandbox_spec spec) {
  auto started = co_await runtime_.start(std::move(spec));
  if (!started)
    co_return tl::unexpected(std::move(started.error()));
  co_return std::make_unique<engine_sandbox>(std::move(*started));
}

} // namespace sandfleet::batch
