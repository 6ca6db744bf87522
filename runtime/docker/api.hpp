#pragma once

#include "runtime/docker/client.hpp"
#include "runtime/docker/types.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/usage.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::docker {

using line_sink = std::function<void(std::string_view bytes)>;
using event_sink = std::function<void(const engine_event& event)>;
using progress_sink = std::function<void(const progress_line& line)>;

/// "NAME" without and with what says which: "repo", "repo:tag", "host:5000/repo@sha256:...".
struct image_name {
  std::string repository;
  std::string tag; ///< "latest" where nothing was said; a digest with its "sha256:"
};

[[nodiscard]] image_name split_image_name(std::string_view name);

/// The calls of the Docker Engine API that sandboxes need (https://docs.docker.com/engine/api/).
/// A container is named by its id or its name. Thread-safe; copies share connections. What is asked
/// to be so and is so already is a success.
class api {
 public:
  explicit api(client calls) : calls_(std::move(calls)) {}

  [[nodiscard]] const engine_host& host() const { return calls_.host(); }
  /// As of `transport::http_client`.
  void keep_none() { calls_.keep_none(); }

  /// The same with at most so much time for each call that ends by itself; 60 s unless it is told.
  [[nodiscard]] api within(std::chrono::milliseconds patience) const {
    auto changed = *this;
    changed.patience_ = patience;
    return changed;
  }

  boost::asio::awaitable<result<engine_info>> info();
  /// What tells this engine from others, as long as its data stay; asked for once. Empty when it
  /// does not say.
  boost::asio::awaitable<std::string> identity();
  /// Whether it is podman's service.
  boost::asio::awaitable<result<bool>> is_podman() { return calls_.is_podman(); }
  /// As of `client::answers`.
  boost::asio::awaitable<bool> answers() { return calls_.answers(); }
  [[nodiscard]] bool was_reached() const { return calls_.was_reached(); }

  boost::asio::awaitable<result<created_container>> create(std::string name, std::string body,
                                                           std::string platform);
  boost::asio::awaitable<result<void>> start(std::string container);
  /// SIGTERM, and SIGKILL after the grace, which is rounded up to seconds.
  boost::asio::awaitable<result<void>> stop(std::string container, std::chrono::milliseconds grace);
  boost::asio::awaitable<result<void>> kill(std::string container);
  boost::asio::awaitable<result<void>> pause(std::string container);
  boost::asio::awaitable<result<void>> unpause(std::string container);
  /// Killed first where it runs; its anonymous volumes go too.
  boost::asio::awaitable<result<void>> remove(std::string container);
  /// Completes when it has been removed, by whomever.
  boost::asio::awaitable<result<void>> await_removal(std::string container);
  /// Nothing where there is none.
  boost::asio::awaitable<result<std::optional<container_info>>> inspect(std::string container);
  /// What it has used so far: CPU time, and the peak of its memory where the engine's machine
  /// counts that. Of one that does not run nothing.
  boost::asio::awaitable<result<resource_usage>> usage(std::string container);
  /// All that have the label, "NAME" or "NAME=VALUE", whether they run or not.
  boost::asio::awaitable<result<std::vector<container_summary>>> list(std::string label);
  /// Unpacks a tar archive below a directory of the container, which need not run.
  boost::asio::awaitable<result<void>> put_archive(std::string container, std::string directory,
                                                   std::string tar);
  boost::asio::awaitable<result<bool>> has_path(std::string container, std::string path);
  /// What it writes to standard output and error from now on (`earlier`: and has written), until it
  /// ends or the call is cancelled; `on_attached` is told when nothing more will be missed.
  boost::asio::awaitable<result<void>> follow_output(std::string container, bool earlier,
                                                     line_sink take,
                                                     std::function<void()> on_attached = {});
  /// Completes when the engine ends the stream; for containers with the label alone. `on_begin` is
  /// told that the stream stands.
  boost::asio::awaitable<result<void>> follow_events(std::string label, event_sink take,
                                                     std::function<void()> on_begin);

  boost::asio::awaitable<result<void>> connect_network(std::string network, std::string container);
  /// The address of the engine's machine in a network; empty where it has none.
  boost::asio::awaitable<result<std::string>> gateway(std::string network);
  /// Whether nothing outside of the network can be reached from it, nor reaches into it.
  boost::asio::awaitable<result<bool>> is_internal(std::string network);
  /// That have the label, "NAME" or "NAME=VALUE", whether they are used or not.
  boost::asio::awaitable<result<std::vector<volume_summary>>> list_volumes(std::string label);
  boost::asio::awaitable<result<void>> remove_volume(std::string name);

  /// Nothing where the engine has none of that name.
  boost::asio::awaitable<result<std::optional<image_info>>> image(std::string name);
  /// `auth`: the value of X-Registry-Auth, or empty. Nobody waits longer than `timeout`.
  boost::asio::awaitable<result<void>> pull(std::string name, std::string platform,
                                            std::string auth, std::chrono::milliseconds timeout,
                                            progress_sink take);
  struct import_request {
    std::string name;
    std::function<boost::asio::awaitable<result<std::string>>()> next_piece; ///< of a tar archive
    std::vector<std::string> changes; ///< lines of a Dockerfile, such as "CMD ..."
    std::string message;
    std::chrono::milliseconds timeout{3'600'000};
  };
  /// Makes an image of a root directory, which is not held in memory.
  boost::asio::awaitable<result<void>> import_image(import_request request);
  boost::asio::awaitable<result<void>> tag(std::string image, std::string name);
  /// Whether the image's registry has it, to whom `auth` names.
  boost::asio::awaitable<result<bool>> registry_has(std::string image, std::string auth);
  struct build_request {
    std::string context; ///< a tar archive, maybe compressed, with a Dockerfile
    /// The same in pieces, in its place.
    std::function<boost::asio::awaitable<result<std::string>>()> next_piece{};
    std::vector<std::string> tags;
    std::string platform;
    std::vector<std::pair<std::string, std::string>> options; ///< further query parameters
    std::chrono::milliseconds timeout{3'600'000};
  };
  boost::asio::awaitable<result<void>> build(build_request request, progress_sink take);

 private:
  boost::asio::awaitable<result<std::string>> inspect_network(std::string name);

  boost::asio::awaitable<result<void>> act(std::string what, std::string method, std::string path);
  boost::asio::awaitable<result<void>> follow_progress(api_call call, progress_sink take);

  boost::asio::awaitable<result<std::string>> send(api_call call);

  struct known_identity {
    std::mutex mutex;
    std::string text; ///< empty: not told yet
  };

  client calls_;
  std::chrono::milliseconds patience_{60'000};
  std::shared_ptr<known_identity> identity_ = std::make_shared<known_identity>();
};

/// Readers of what an engine sends; a text that is not of the form is `protocol_error`.
[[nodiscard]] result<container_info> read_container(std::string_view json);
[[nodiscard]] result<std::vector<container_summary>> read_containers(std::string_view json);
[[nodiscard]] result<std::vector<volume_summary>> read_volumes(std::string_view json);
[[nodiscard]] result<std::string> read_gateway(std::string_view json);
[[nodiscard]] result<bool> read_internal(std::string_view json);
[[nodiscard]] result<image_info> read_image(std::string_view json);
[[nodiscard]] result<engine_info> read_info(std::string_view json);
[[nodiscard]] result<resource_usage> read_usage(std::string_view json);
[[nodiscard]] result<engine_event> read_event(std::string_view json);
[[nodiscard]] result<progress_line> read_progress(std::string_view json);

} // namespace sandfleet::docker
