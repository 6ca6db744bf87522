#pragma once

#include "runtime/core/line_splitter.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/providers/docker/agent_archive.hpp"
#include "runtime/providers/docker/container.hpp"
#include "runtime/providers/docker/handover.hpp"
#include "runtime/providers/docker/image_store.hpp"
#include "runtime/providers/docker/ports.hpp"
#include "runtime/providers/docker/removals.hpp"
#include "runtime/providers/docker/verdict.hpp"
#include "runtime/providers/docker_provider.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::providers::docker {

/// Whether its container is one of another engine than this, so that nobody here may judge it.
[[nodiscard]] bool is_elsewhere(const sandbox_record& record, const std::string& engine);

/// Whether images have a user of their own that is not root; each is asked about once.
struct image_users {
  std::mutex mutex;
  std::map<std::string, bool> known;
};

/// What the sandboxes of one provider share.
struct shared_parts {
  docker_settings settings;
  std::shared_ptr<registry> entries;
  sandfleet::docker::api engine;
  std::string registry_name; ///< value of `label_registry`
  std::string ports_dir;
  std::shared_ptr<agent_archive> archive;
  std::shared_ptr<image_store> images;
  std::shared_ptr<removals> left; ///< what is to be removed when the engine can
  std::shared_ptr<image_users> users = std::make_shared<image_users>();
};

/// One sandbox: its container, and what the engine has told of it. Every member runs on `strand`.
class box : public std::enable_shared_from_this<box> {
 public:
  box(boost::asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared,
      sandbox_id id);

  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }
  [[nodiscard]] const sandbox_id& id() const { return id_; }

  /// Completes when the agent is ready. After a failure or a cancellation nothing is left.
  boost::asio::awaitable<result<instance>> start(start_request request);
  /// Takes up a container that runs. A failure changes nothing.
  boost::asio::awaitable<result<instance>> attach(registry_entry entry);
  boost::asio::awaitable<result<exit_report>> wait();
  boost::asio::awaitable<result<exit_report>> stop(std::chrono::milliseconds grace);
  boost::asio::awaitable<result<void>> pause();
  boost::asio::awaitable<result<instance>> resume();
  [[nodiscard]] boost::asio::awaitable<result<instance_state>> inspect();
  boost::asio::awaitable<result<void>> keep(std::chrono::milliseconds life);
  boost::asio::awaitable<result<void>> release();

  /// How much of a start's time was for its image.
  [[nodiscard]] std::chrono::milliseconds preparation_time() const { return preparation_time_; }

  /// What the engine tells of its container.
  void on_event(const sandfleet::docker::engine_event& event);
  /// Asks what became of the container.
  [[nodiscard]] bool is_paused_by_others(const sandfleet::docker::container_info& seen) const;
  void look_again();
  /// The same when events may have been missed, and its output has ended; `was_away`: the engine.
  void catch_up(bool was_away);
  /// Takes it away when it is this program's own, with nobody waiting for that; forgets it
  /// otherwise.
  void abandon();

 private:
  using time_point = std::chrono::steady_clock::time_point;
  enum class wake { changed, timed_out, cancelled };
  enum class standing { own, kept, foreign };

  void describe(const sandbox_spec& spec);
  boost::asio::awaitable<result<void>> build_up(const sandbox_spec& spec, time_point deadline);
  void prepare(preparation what);
  boost::asio::awaitable<result<void>> go_on();
  void add_time(time_point began, time_point& deadline);
  boost::asio::awaitable<result<void>> derive_image(const sandbox_spec& spec, time_point& deadline);
  boost::asio::awaitable<result<void>> attempt(const sandbox_spec& spec, time_point& deadline);
  boost::asio::awaitable<result<void>> furnish(const sandbox_spec& spec, time_point deadline);
  boost::asio::awaitable<result<void>> heed_podman(const sandbox_spec& spec, time_point deadline);
  boost::asio::awaitable<result<void>> look_for_ports(const sandbox_spec& spec);
  boost::asio::awaitable<result<bool>> has_plain_user(const sandbox_spec& spec,
                                                      time_point deadline);
  boost::asio::awaitable<result<void>> make_workspace(const sandbox_spec& spec,
                                                      time_point deadline);
  result<void> take_ports(const sandbox_spec& spec);
  result<void> offer_socket();
  boost::asio::awaitable<result<void>> check_way_in(const sandbox_spec& spec, time_point deadline);
  boost::asio::awaitable<result<void>> make_container(const sandbox_spec& spec,
                                                      time_point& deadline);
  boost::asio::awaitable<result<void>> start_container(time_point deadline);
  boost::asio::awaitable<result<void>> output_shows(std::function<bool()> what,
                                                    time_point deadline);
  boost::asio::awaitable<void> take_down();
  boost::asio::awaitable<result<void>> clear();
  boost::asio::awaitable<result<void>> remove_container();
  boost::asio::awaitable<result<std::optional<sandfleet::docker::container_info>>> find();
  void clear_later();
  boost::asio::awaitable<void> hear_of_end();
  boost::asio::awaitable<void> learn_of_engine();
  boost::asio::awaitable<void> look();
  void follow_output(bool earlier);
  void on_output(std::string_view bytes);
  void finish();
  boost::asio::awaitable<void> forget_entry();
  void notify();
  boost::asio::awaitable<wake> next_change(time_point deadline);
  boost::asio::awaitable<bool> was_cancelled() const;
  [[nodiscard]] instance endpoint() const;
  [[nodiscard]] error ended() const;
  /// Otherwise that there is none says nothing: it is yet to be made.
  [[nodiscard]] bool has_container() const { return may_exist_ && !is_between_attempts_; }
  /// As the engine is asked for it: by its name until it has told the id, which nobody changes.
  [[nodiscard]] const std::string& container() const {
    return container_id_.empty() ? name_ : container_id_;
  }
  [[nodiscard]] std::string socket_path() const { return dir_ + "/http.sock"; }

  boost::asio::any_io_executor strand_;
  std::shared_ptr<const shared_parts> shared_;
  sandfleet::docker::api engine_;
  sandbox_id id_;
  std::string name_;         ///< of the container, when it is made
  std::string container_id_; ///< empty: not told yet
  std::string dir_;
  std::optional<file_lock> lease_;
  container_plan plan_;
  start_request asked_; ///< while it is being started
  bool prepares_ = false;
  std::chrono::milliseconds preparation_time_{0};
  limits_report limits_;
  std::vector<published_port> ports_;
  std::vector<port_lock> port_locks_;
  sandbox_record record_;
  bool pause_stops_ = false;
  standing standing_ = standing::own;
  bool released_ = false;
  bool may_exist_ = false; ///< the container
  bool paused_ = false;
  bool is_between_attempts_ = false; ///< of its start
  bool is_looking_ = false;
  bool looks_again_ = false; ///< something happened while it was being looked at
  std::shared_ptr<handover> handover_;
  transport::op output_; ///< that is being followed
  bool is_followed_ = false;
  bool is_attached_ = false;
  bool follows_again_ = false;          ///< when it is found running
  std::optional<error> follow_failure_; ///< before it was ready
  core::line_splitter lines_{std::size_t{64} << 10};
  end_facts facts_;
  std::optional<exit_report> verdict_; ///< of an end that nobody asked for
  std::optional<exit_report> report_;  ///< set when nothing is left
  std::vector<boost::asio::steady_timer*> waiting_;
};

} // namespace sandfleet::providers::docker
