#include "tools/cli/sandbox_root.hpp"

#include "runtime/core/line_splitter.hpp"
#include "runtime/core/text.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/transport/child_process.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::cli {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t least_space = std::uintmax_t{1} << 30;
constexpr std::size_t longest_line = 64U << 10;
constexpr std::size_t longest_tail = 2000;
constexpr std::size_t piece_size = 256U << 10;

/// Runs in the new tree: the user, a place to work in, and away with what can be fetched again.
constexpr std::string_view finish_script = R"(
useradd --uid 1000 --create-home --shell /bin/bash "$1"
mkdir -p /workspace
chown 1000:1000 /workspace
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt/*
)";

bool is_program(std::string_view name) {
  for (const auto* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/"})
    if (::access((directory + std::string(name)).c_str(), X_OK) == 0)
      return true;
  return false;
}

/// The shell is there to look for the program and to take its input away.
transport::child_command command_of(std::vector<std::string> words) {
  transport::child_command command;
  command.program = "/bin/sh";
  command.arguments = {"-c",
                       "PATH=$PATH:/usr/sbin:/sbin LC_ALL=C DEBIAN_FRONTEND=noninteractive\n"
                       "export PATH LC_ALL DEBIAN_FRONTEND\n"
                       "exec \"$@\" </dev/null",
                       "sh"};
  std::ranges::move(words, std::back_inserter(command.arguments));
  return command;
}

std::vector<std::string> with_namespaces(std::vector<std::string> words) {
  words.insert(words.begin(), {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--"});
  return words;
}

/// Runs a program to its end, or to that of whoever waits; the end of what it printed.
asio::awaitable<result<std::string>> run_program(std::vector<std::string> words,
                                                 std::function<void(std::string_view)> on_line,
                                                 int& status) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::this_coro::throw_if_cancelled(false);
  auto child = transport::child_process::start(executor, command_of(std::move(words)));
  if (!child)
    co_return fail(std::move(child.error()));
  core::line_splitter lines(longest_line);
  std::string tail;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto got = co_await child->read(piece);
    if (!got || *got == 0)
      break;
    const std::string_view bytes(piece.data(), *got);
    tail.append(bytes);
    if (tail.size() > longest_tail)
      tail.erase(0, tail.size() - longest_tail);
    lines.feed(bytes, on_line);
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  const bool in_vain = state.cancelled() != asio::cancellation_type::none;
  if (in_vain)
    child->kill(SIGKILL);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto ended = co_await child->wait();
  if (in_vain)
    co_return fail(errc::cancelled, "the making of a root was cancelled");
  if (!ended)
    co_return fail(ended.error());
  status = *ended;
  co_return tail;
}

/// A tar archive of a directory, as it is read. What tar complains of goes into a file.
class archive_stream {
 public:
  static result<std::shared_ptr<archive_stream>> begin(const asio::any_io_executor& executor,
                                                       const std::string& directory) {
    transport::child_command command;
    command.program = "/bin/sh";
    command.arguments = {"-c",
                         "exec tar --create --numeric-owner --one-file-system --xattrs "
                         "--xattrs-include='*' --file=- --directory=\"$1\" . </dev/null 2>&3",
                         "sh", directory};
    auto made = std::make_shared<archive_stream>();
    made->complaints_.reset(std::tmpfile());
    if (!made->complaints_)
      return fail(errno_error(errc::io_error, "no temporary file can be made", errno));
    command.descriptors = {::fileno(made->complaints_.get())};
    auto child = transport::child_process::start(executor, command);
    if (!child)
      return fail(std::move(child.error()));
    made->child_.emplace(std::move(*child));
    return made;
  }

  ~archive_stream() {
    if (!child_ || ended_)
      return;
    child_->kill(SIGKILL);
    ::waitpid(child_->id(), nullptr, 0);
  }

  asio::awaitable<result<std::string>> next() {
    std::string piece(piece_size, '\0');
    auto got = co_await child_->read(piece);
    if (!got)
      co_return fail(std::move(got.error()));
    piece.resize(*got);
    if (*got > 0)
      co_return piece;
    const auto status = co_await child_->wait();
    ended_ = true;
    if (status && *status == 0)
      co_return piece;
    std::string said(longest_tail, '\0');
    std::rewind(complaints_.get());
    said.resize(std::fread(said.data(), 1, said.size(), complaints_.get()));
    co_return fail(make_error(errc::io_error, "the root cannot be read")
                       .with_cause("tar: " + std::string(core::trim(said))));
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> complaints_{nullptr, &std::fclose};
  std::optional<transport::child_process> child_;
  bool ended_ = false;
};

} // namespace

std::vector<std::string> usual_packages() {
  return {"ca-certificates", "curl", "git", "procps", "python3"};
}

std::vector<std::string> debootstrap_words(const root_plan& plan, const std::string& directory) {
  std::string packages;
  for (const auto& list : {usual_packages(), plan.packages})
    for (const auto& one : list)
      packages += (packages.empty() ? "" : ",") + one;
  return with_namespaces({"debootstrap", "--variant=minbase", "--include=" + packages, plan.suite,
                          directory, plan.mirror});
}

error explain_debootstrap(const std::string& tail, const root_plan& plan) {
  auto why = make_error(errc::start_failed, "debootstrap has failed")
                 .blamed_on(failure_class::infrastructure);
  for (const auto line : core::split(tail, '\n'))
    if (line.starts_with("E: "))
      why.cause = line.substr(3);
  const auto says = [&](std::string_view part) { return tail.find(part) != std::string::npos; };
  if (says("No space left on device")) {
    why.code = errc::io_error;
    why.hint = "make space, or choose another place by --directory or TMPDIR";
  } else if (says("No such script")) {
    why.code = errc::not_found;
    why.blame = failure_class::task;
    why.cause = "debootstrap knows no suite '" + plan.suite + "'";
    why.hint = "such as bookworm or trixie; see /usr/share/debootstrap/scripts";
  } else if (says("Couldn't find these debs")) {
    why.code = errc::not_found;
    why.blame = failure_class::task;
    why.hint = "look at --include: the suite has no package of that name";
  } else if (says("Failed getting release file") || says("Couldn't download")) {
    why.code = errc::connection_failed;
    why.hint =
        "is " + plan.mirror + " reached from here? --mirror names another, http_proxy a proxy";
  } else if (says("noexec or nodev")) {
    why.code = errc::unsupported;
    why.hint = "devices cannot be made there: choose another place";
  }
  return std::move(why).with("log", tail);
}

result<void> check_place(const std::string& parent) {
  if (::geteuid() != 0)
    return fail(make_error(errc::permission_denied, "only root can make a root directory")
                    .with_cause("debootstrap makes files of other users, and devices")
                    .with_hint("run it by sudo; the sandboxes themselves need no root"));
  for (const auto* program : {"debootstrap", "unshare", "chroot", "tar"})
    if (!is_program(program))
      return fail(make_error(errc::not_found, std::string(program) + " is not installed")
                      .blamed_on(failure_class::infrastructure)
                      .with_hint("on Debian and Ubuntu: apt install debootstrap tar util-linux"));
  struct statvfs space {};
  if (::statvfs(parent.c_str(), &space) != 0)
    return fail(errno_error(errc::not_found, "there is no directory '" + parent + "'", errno));
  const auto left = std::uintmax_t{space.f_bavail} * space.f_frsize;
  if (left < least_space)
    return fail(make_error(errc::io_error, "'" + parent + "' has too little space")
                    .with("free_mb", static_cast<std::int64_t>(left >> 20))
                    .with("needed_mb", static_cast<std::int64_t>(least_space >> 20))
                    .with_hint("choose another place by --directory or TMPDIR"));
  return {};
}

asio::awaitable<result<void>> make_root(root_plan plan, std::string directory,
                                        std::function<void(std::string_view)> on_line) {
  int status = 0;
  auto made = co_await run_program(debootstrap_words(plan, directory), on_line, status);
  if (!made)
    co_return fail(std::move(made.error()));
  if (status != 0)
    co_return fail(explain_debootstrap(*made, plan));
  std::vector<std::string> finish = {
      "chroot", directory, "/bin/sh", "-ec", std::string(finish_script), "sh", plan.user};
  auto finished = co_await run_program(with_namespaces(std::move(finish)), on_line, status);
  if (!finished)
    co_return fail(std::move(finished.error()));
  if (status != 0)
    co_return fail(make_error(errc::start_failed, "the new root cannot be finished")
                       .blamed_on(failure_class::infrastructure)
                       .with("log", *finished));
  std::error_code failed;
  fs::permissions(directory, fs::perms(0755), failed);
  co_return result<void>{};
}

asio::awaitable<result<void>> import_root(std::string directory, std::string name,
                                          std::string user) {
  const auto executor = co_await asio::this_coro::executor;
  const auto host = docker::find_engine_host(docker::current_surroundings());
  if (!host)
    co_return fail(host.error());
  auto engine = docker::client::open(executor, *host);
  if (!engine)
    co_return fail(std::move(engine.error()));
  docker::api calls(std::move(*engine));
  // An engine that is not there is found out before anything is read.
  const auto info = co_await calls.info();
  if (!info)
    co_return fail(info.error());
  const auto archive = archive_stream::begin(executor, directory);
  if (!archive)
    co_return fail(archive.error());
  docker::api::import_request request;
  request.name = std::move(name);
  request.next_piece = [from = *archive] { return from->next(); };
  request.changes = {"CMD [\"bash\"]", "WORKDIR /workspace",
                     "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                     "LABEL sandfleet.user=" + user};
  request.message = "sandfleet image build";
  co_return co_await calls.import_image(std::move(request));
}

} // namespace sandfleet::cli
