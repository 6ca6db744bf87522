#include "sandbox_agent/exec/spawn.hpp"

#include "sandbox_agent/bash/start_process.hpp"
#include "sandbox_agent/exec/program.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

result<pipe_ends> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(errno_error(errc::io_error, "cannot open a pipe", errno));
  return pipe_ends{unique_fd(ends[0]), unique_fd(ends[1])};
}

void set_non_blocking(const unique_fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

} // namespace

result<spawned> spawn(const spawn_spec& spec) {
  const auto found = resolve_program(spec.argv.front(), spec.search_path, spec.working_dir);
  if (!found)
    return fail(found.error());
  const auto& program = *found;

  auto out = open_pipe();
  auto err = open_pipe();
  auto in = spec.feed_stdin ? open_pipe() : result<pipe_ends>(pipe_ends{});
  if (!out || !err || !in)
    return tl::unexpected(!out ? out.error() : !err ? err.error() : in.error());
  process_start what;
  const auto environment = exec_list(spec.environment);
  auto argv = exec_list(spec.argv);
  what.program = program.c_str();
  what.argv = argv.data();
  what.environment = environment.data();
  what.working_dir = spec.working_dir.c_str();
  what.in = in->read.get();
  what.out = out->write.get();
  what.err = err->write.get();
  started_process process;
  int failure = start_process(what, process);
  if (failure == ENOEXEC) {
    auto script = spec.argv;
    script.front() = program;
    script.insert(script.begin(), "/bin/sh");
    argv = exec_list(script);
    what.program = "/bin/sh";
    what.argv = argv.data();
    failure = start_process(what, process);
  }
  if (failure != 0)
    return fail(start_error("cannot run '" + spec.argv.front() + "'", failure));

  spawned started;
  started.pid = process.pid;
  started.pidfd = std::move(process.pidfd);
  started.in = std::move(in->write);
  started.out = std::move(out->read);
  started.err = std::move(err->read);
  set_non_blocking(started.out);
  set_non_blocking(started.err);
  if (started.in.get() >= 0)
    set_non_blocking(started.in);
  return started;
}

} // namespace sandfleet::agent
