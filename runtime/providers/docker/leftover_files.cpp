#include "runtime/providers/docker/leftover_files.hpp"

#include "runtime/protocol/json_writer.hpp"

#include <sandfleet/ids.hpp>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;

namespace {

constexpr std::size_t name_length = 12;

std::string remover_of(const std::string& path, const std::string& image) {
  protocol::json_writer out;
  out.begin_object().member("Image", image).member("User", "0:0");
  out.key("Entrypoint").begin_array();
  out.value("sh").value("-c").value("rm -rf /left/..?* /left/.[!.]* /left/*").end_array();
  out.key("Cmd").begin_array().end_array();
  out.key("HostConfig").begin_object();
  out.member("AutoRemove", true).member("NetworkMode", "none");
  out.key("Mounts").begin_array().begin_object();
  out.member("Type", "bind").member("Source", path).member("Target", "/left");
  out.end_object().end_array().end_object().end_object();
  return std::move(out).take();
}

asio::awaitable<result<void>> empty_by_container(sandfleet::docker::api engine, std::string path,
                                                 std::string image) {
  const auto name = "sandfleet-removal-" + make_secret().substr(0, name_length);
  const auto body = remover_of(path, image);
  const auto made = co_await engine.create(name, body, {});
  if (!made)
    co_return fail(made.error());
  auto done = co_await engine.start(made->id);
  if (done)
    done = co_await engine.await_removal(made->id);
  if (!done)
    (void)co_await engine.remove(made->id);
  co_return done;
}

} // namespace

asio::awaitable<result<void>> remove_tree(sandfleet::docker::api engine, std::string path,
                                          std::string image) {
  std::error_code failed;
  std::filesystem::remove_all(path, failed);
  const bool forbidden = failed.value() == EACCES || failed.value() == EPERM;
  if (forbidden && !image.empty() && engine.host().is_local()) {
    (void)co_await empty_by_container(engine, path, image);
    std::filesystem::remove_all(path, failed);
  }
  if (!failed)
    co_return result<void>{};
  co_return fail(
      errno_error(forbidden ? errc::permission_denied : errc::io_error,
                  "cannot remove '" + path + "'", failed.value())
          .with_hint("remove it as the user who made what is in it: containers write as root"));
}

} // namespace sandfleet::providers::docker
