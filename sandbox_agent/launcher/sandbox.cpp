#include "sandbox_agent/launcher/sandbox.hpp"

#include "runtime/core/test_stop.hpp"
#include "sandbox_agent/launcher/agent_exec.hpp"
#include "sandbox_agent/launcher/capabilities.hpp"
#include "sandbox_agent/launcher/clone_process.hpp"
#include "sandbox_agent/launcher/descendants.hpp"
#include "sandbox_agent/launcher/failure_pipe.hpp"
#include "sandbox_agent/launcher/file_text.hpp"
#include "sandbox_agent/launcher/listen.hpp"
#include "sandbox_agent/launcher/mount_plan.hpp"
#include "sandbox_agent/launcher/new_root.hpp"
#include "sandbox_agent/launcher/remove_tree.hpp"
#include "sandbox_agent/launcher/sandbox_init.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <optional>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace sandfleet::launcher {

namespace {

constexpr const char* socket_name = "/agent.sock";
constexpr const char* scratch_name = "/scratch";
constexpr std::array plain_dirs = {"/workspace", "/home", "/tmp"};
constexpr const char* cgroups_note = "/cgroups";
constexpr const char* init_note = "/init";

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

result<pipe_ends> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(errno_error(errc::start_failed, "cannot make a pipe", errno));
  return pipe_ends{unique_fd(ends[0]), unique_fd(ends[1])};
}

/// Notes where control groups will be before there are any.
std::vector<cgroup_hierarchy> note_cgroups(const request& wanted) {
  const auto hierarchies =
      find_cgroups(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup"));
  std::string text;
  for (const auto& dir : planned_cgroups(hierarchies, wanted.id, wanted.limits))
    text += dir + "\n";
  (void)put_file(wanted.state_dir + cgroups_note, text, 0600);
  return hierarchies;
}

/// What the two isolation modes have in common, and the child's side of it.
class maker {
 public:
  explicit maker(const request& wanted) : wanted_(wanted) {}

  result<sandbox> run() {
    if (wanted_.isolation == isolation_mode::namespaces)
      if (auto done = plan(); !done)
        return fail(done.error());
    auto made = make();
    if (!made) {
      kill_child();
      clean_up(wanted_, made_.group.get(), made_.ids);
      return fail(made.error());
    }
    return std::move(made_);
  }

 private:
  [[nodiscard]] bool is_isolated() const { return wanted_.isolation == isolation_mode::namespaces; }

  result<void> plan() {
    auto planned = plan_root(wanted_, real_host{});
    if (!planned)
      return fail(planned.error());
    plan_ = std::move(*planned);
    return {};
  }

  result<void> make() {
    auto socket = listen_at(wanted_.state_dir + socket_name);
    if (!socket)
      return fail(socket.error());
    listener_ = std::move(*socket);
    for (auto* ends : {&go_, &lifeline_, &failure_, &ready_, &log_}) {
      auto made = make_pipe();
      if (!made)
        return fail(made.error());
      *ends = std::move(*made);
    }
    made_.ids = plan_id_map(read_id_facts(), wanted_.id);
    auto done = is_isolated() ? prepare_trees() : prepare_plain();
    if (!done)
      return done;
    auto group = make_cgroup(note_cgroups(wanted_), wanted_.id, wanted_.limits);
    made_.group = std::move(group.group);
    made_.limits.merge(group.limits);
    note_disk_limit();
    core::test_stop(core::test_stage::launcher_grouped);
    limit_processes_by_user();
    if (auto cloned = clone_child(); !cloned)
      return cloned;
    core::test_stop(core::test_stage::launcher_cloned);
    note_init();
    if (is_isolated())
      if (auto mapped = map_ids(); !mapped)
        return mapped;
    if (::write(go_.write.get(), "g", 1) != 1)
      return fail(errno_error(errc::start_failed, "the sandbox's first process has gone", errno));
    core::test_stop(core::test_stage::launcher_released);
    made_.lifeline = std::move(lifeline_.write);
    made_.failure = std::move(failure_.read);
    made_.ready = std::move(ready_.read);
    made_.log = std::move(log_.read);
    return {};
  }

  /// With privilege the host's trees are taken here, where every path can be reached.
  result<void> prepare_trees() {
    const auto scratch = wanted_.state_dir + scratch_name;
    if (!plan_.lower.empty()) {
      if (::mkdir(scratch.c_str(), 0755) != 0 && errno != EEXIST)
        return fail(errno_error(errc::start_failed, "cannot make '" + scratch + "'", errno));
      if (made_.ids.by_root && ::chown(scratch.c_str(), made_.ids.uids.front().outside,
                                       made_.ids.gids.front().outside) != 0)
        return fail(errno_error(errc::start_failed, "cannot give away '" + scratch + "'", errno));
    }
    if (!has_capability(CAP_SYS_ADMIN))
      return {};
    auto taken = take_host_trees(plan_, scratch);
    if (!taken)
      return fail(taken.error());
    trees_ = std::move(*taken);
    return {};
  }

  result<void> prepare_plain() {
    made_.limits["isolation"] = "unenforced: isolation 'none' keeps nothing apart";
    if (!wanted_.host_network)
      made_.limits["network"] = "unenforced: isolation 'none' has the machine's network";
    for (const char* dir : plain_dirs)
      if (::mkdir((wanted_.state_dir + dir).c_str(), 0755) != 0 && errno != EEXIST)
        return fail(errno_error(errc::start_failed, "cannot make '" + wanted_.state_dir + dir + "'",
                                errno));
    adopt_orphans();
    return {};
  }

  void note_disk_limit() {
    if (!wanted_.limits.disk_mb)
      return;
    auto& told = made_.limits["disk_mb"];
    if (!is_isolated())
      told = "unenforced: isolation 'none' writes to the machine's disk";
    else if (!plan_.lower.empty() && !memory_keeps_marks())
      told = "unenforced: before Linux 6.6 an image's sandbox writes to the state directory";
    else
      told = "enforced";
  }

  /// In a user namespace the kernel counts a user's processes there alone.
  void limit_processes_by_user() {
    if (!is_isolated() || !wanted_.limits.pids || made_.limits["pids"] == "enforced")
      return;
    process_limit_ = static_cast<rlim_t>(*wanted_.limits.pids) + 1; // the agent is one
    made_.limits["pids"] = made_.ids.is_range()
                               ? "unenforced: no control group; for each user id by RLIMIT_NPROC"
                               : "enforced";
  }

  result<void> clone_child() {
    std::uint64_t flags = 0;
    if (is_isolated()) {
      flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
      if (!wanted_.host_network)
        flags |= CLONE_NEWNET;
    }
    const int group = made_.group->clone_descriptor();
    made_.process = clone_process(flags, group);
    if (made_.process < 0 && group >= 0 && (errno == EACCES || errno == EPERM)) {
      // The group could be made but not entered from here.
      made_.process = clone_process(flags, -1);
      for (const char* limit : {"cpus", "memory_mb", "pids"})
        if (made_.limits.contains(limit))
          made_.limits[limit] = "unenforced: this user may not move processes into control groups";
    }
    if (made_.process < 0)
      return fail(explain_clone_failure(errno));
    if (made_.process == 0)
      be_child();
    failure_.write.reset();
    return {};
  }

  [[noreturn]] void be_child() {
    for (auto* end : {&go_.write, &lifeline_.write, &failure_.read, &ready_.read, &log_.read})
      end->reset();
    agent_descriptors descriptors;
    descriptors.listener = listener_.get();
    descriptors.ready = ready_.write.get();
    descriptors.lifeline = lifeline_.read.get();
    descriptors.log = log_.write.get();
    descriptors.failure = failure_.write.get();
    descriptors.commands_files = made_.group->commands_files();
    descriptors.memory_events = made_.group->memory_events_file();
    if (process_limit_) {
      const rlimit processes{*process_limit_, *process_limit_};
      ::setrlimit(RLIMIT_NPROC, &processes);
    }
    if (is_isolated())
      become_isolated(descriptors);
    become_plain(descriptors);
  }

  [[noreturn]] void become_isolated(const agent_descriptors& descriptors) {
    init_context context{.wanted = wanted_, .plan = plan_, .ids = made_.ids, .group = *made_.group};
    context.trees = trees_ ? &*trees_ : nullptr;
    context.scratch_dir = wanted_.state_dir + scratch_name;
    context.descriptors = descriptors;
    context.go = go_.read.get();
    context.host_network = wanted_.host_network;
    become_sandbox(context);
  }

  [[noreturn]] void become_plain(const agent_descriptors& descriptors) {
    char byte = 0;
    if (::read(go_.read.get(), &byte, 1) != 1)
      ::_exit(1);
    int failed = made_.group->enter();
    if (failed == 0)
      failed = made_.group->leave_commands();
    if (failed != 0)
      report_and_exit(descriptors.failure,
                      errno_error(errc::start_failed, "cannot enter the control group", failed));
    ::setsid();
    exec_agent(wanted_.agent_program, wanted_, descriptors);
  }

  /// Best effort: without it only a crash of this process and of its owner at once leaves
  /// something.
  void note_init() {
    const auto text = std::to_string(made_.process) + " " +
                      std::to_string(process_start_time(made_.process)) + "\n";
    (void)put_file(wanted_.state_dir + init_note, text, 0600);
  }

  result<void> map_ids() {
    if (auto written = write_id_map(made_.ids, made_.process); !written)
      return written;
    if (!trees_ || !made_.ids.by_root || !made_.ids.is_range())
      return {};
    const auto path = "/proc/" + std::to_string(made_.process) + "/ns/user";
    const unique_fd user_namespace(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_namespace)
      return fail(errno_error(errc::start_failed, "cannot open the user namespace", errno));
    made_.warnings = map_tree_ids(plan_, *trees_, user_namespace.get());
    return {};
  }

  void kill_child() {
    if (made_.process <= 0)
      return;
    ::kill(made_.process, SIGKILL);
    while (::waitpid(made_.process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  const request& wanted_;
  sandbox made_;
  root_plan plan_;
  std::optional<host_trees> trees_;
  std::optional<rlim_t> process_limit_;
  unique_fd listener_;
  pipe_ends go_, lifeline_, failure_, ready_, log_;
};

} // namespace

result<sandbox> make_sandbox(const request& wanted) {
  return maker(wanted).run();
}

std::vector<std::string> clean_up(const request& wanted, control_group* group, const id_map& ids) {
  std::vector<std::string> left;
  const auto groups = group != nullptr ? group->remove() : std::vector<std::string>{};
  for (const auto& dir : groups)
    left.push_back("cannot remove the control group '" + dir + "'");
  const auto remove = [&](const char* name) {
    const auto path = wanted.state_dir + name;
    if (const int failed = remove_tree_of(path, ids))
      left.push_back("cannot remove '" + path + "': " + std::strerror(failed));
  };
  remove(socket_name);
  remove(scratch_name);
  if (wanted.isolation == isolation_mode::none)
    for (const char* dir : plain_dirs)
      remove(dir);
  // What stays is still noted, for whoever removes the state directory.
  if (groups.empty())
    remove(cgroups_note);
  remove(init_note);
  return left;
}

} // namespace sandfleet::launcher
