#include "runtime/engine/workspace.hpp"

#include "runtime/core/git.hpp"
#include "runtime/core/text.hpp"

namespace sandfleet::engine_detail {

namespace asio = boost::asio;
using actors::setup_step;

namespace {

constexpr std::chrono::milliseconds short_timeout{60'000};
constexpr std::size_t most_output_shown = 2000;
constexpr std::size_t branch_letters = 8;

error missing_git(error failure) {
  return std::move(failure).with_hint(
      "git is needed in the sandbox: take an image that has it, or install it first");
}

error failed_command(const std::string& what, const exec_result& ended) {
  auto why =
      make_error(ended.timed_out ? errc::timed_out : errc::invalid_argument, what + " failed")
          .blamed_on(failure_class::task)
          .with("output", sandfleet::core::end_of(ended.err + ended.out, most_output_shown));
  if (ended.exit_code)
    why.evidence.emplace_back("exit_code", std::int64_t{*ended.exit_code});
  if (ended.signal)
    why.evidence.emplace_back("signal", std::int64_t{*ended.signal});
  if (ended.timed_out)
    why.cause = "it took too long and was ended";
  return why;
}

exec_request command_of(std::vector<std::string> argv) {
  exec_request request;
  request.argv = std::move(argv);
  request.timeout = short_timeout;
  return request;
}

/// One set-up, step by step.
class workspace_builder {
 public:
  workspace_builder(std::shared_ptr<sandbox::impl> self, workspace_setup wanted,
                    const actors::setup_mark& mark)
      : self_(std::move(self)), box_(self_), wanted_(std::move(wanted)), mark_(mark) {
    report_.directory = box_.workspace();
  }

  asio::awaitable<result<setup_report>> run() {
    auto done = co_await prepare();
    if (!done)
      co_return fail(std::move(done.error()));
    std::optional<error> script_failure;
    if (wanted_.run_setup_script) {
      auto ended = co_await run_setup_script();
      if (!ended && !report_.setup_script)
        co_return fail(std::move(ended.error())); // it did not come to run
      if (!ended)
        script_failure = std::move(ended.error());
    }
    if (wanted_.install_git_hooks) {
      auto installed = co_await install_hook();
      if (!installed)
        co_return fail(std::move(installed.error()));
    }
    if (script_failure)
      co_return fail(std::move(*script_failure));
    co_return std::move(report_);
  }

 private:
  asio::awaitable<result<void>> prepare() {
    if (!wanted_.env.empty()) {
      auto set = co_await box_.set_environment(wanted_.env);
      if (!set)
        co_return fail(std::move(set.error()));
    }
    auto named = co_await name_user("user.name", wanted_.git_user_name);
    if (named)
      named = co_await name_user("user.email", wanted_.git_user_email);
    if (!named)
      co_return fail(std::move(named.error()));
    if (!wanted_.repository.empty())
      co_return co_await clone();
    if (wanted_.init_repository)
      co_return co_await initialise();
    co_return result<void>{};
  }

  /// A command that has to succeed.
  asio::awaitable<result<exec_result>> need(exec_request request, std::string what) {
    const bool is_git = request.argv.front() == "git";
    auto ended = co_await box_.exec(std::move(request));
    if (!ended && is_git && ended.error().code == errc::not_found)
      co_return fail(missing_git(std::move(ended.error())));
    if (!ended)
      co_return fail(std::move(ended.error()));
    if (ended->exit_code != 0)
      co_return fail(failed_command(what, *ended));
    co_return ended;
  }

  asio::awaitable<result<void>> name_user(std::string key, std::string value) {
    if (value.empty())
      co_return result<void>{};
    auto request = command_of({"git", "config", "--global", key, value});
    auto set = co_await need(std::move(request), "git config " + key);
    if (!set)
      co_return fail(std::move(set.error()));
    co_return result<void>{};
  }

  asio::awaitable<result<void>> initialise() {
    auto request = command_of({"git", "init", "--", report_.directory});
    auto made = co_await need(std::move(request), "git init");
    if (!made)
      co_return fail(std::move(made.error()));
    // A workspace that is a volume may belong to somebody else.
    auto trust =
        command_of({"git", "config", "--global", "--add", "safe.directory", report_.directory});
    auto trusted = co_await need(std::move(trust), "git config safe.directory");
    if (!trusted)
      co_return fail(std::move(trusted.error()));
    co_return result<void>{};
  }

  asio::awaitable<result<void>> clone() {
    auto shown = co_await show(setup_step::workspace);
    if (!shown)
      co_return shown;
    const auto source = sandfleet::core::read_git_source(wanted_.repository, wanted_.git_host);
    if (!source)
      co_return fail(source.error());
    const auto directory = report_.directory + "/" + source->directory;
    const auto access = sandfleet::core::git_access_for(*source, wanted_.token);
    auto request = command_of({"git"});
    request.argv.insert(request.argv.end(), access.options.begin(), access.options.end());
    request.argv.insert(request.argv.end(), {"clone", "--", source->url, directory});
    request.env = access.env;
    request.timeout = wanted_.clone_timeout;
    auto ended = co_await box_.exec(std::move(request));
    if (!ended && ended.error().code == errc::not_found)
      co_return fail(missing_git(std::move(ended.error())));
    if (!ended)
      co_return fail(std::move(ended.error()));
    if (ended->timed_out) {
      co_await remove(directory);
      co_return fail(failed_command("git clone " + source->url, *ended)
                         .blamed_on(failure_class::ambiguous)
                         .with_hint("a large repository wants a longer clone_timeout"));
    }
    if (ended->exit_code != 0)
      co_return fail(
          sandfleet::core::clone_error(source->url, ended->exit_code.value_or(-1), ended->err));
    auto checked_out = co_await check_out(directory);
    if (!checked_out) {
      co_await remove(directory); // so that it can be tried again
      co_return checked_out;
    }
    report_.directory = directory;
    co_return co_await enter();
  }

  asio::awaitable<result<void>> check_out(std::string directory) {
    auto request = command_of({"git", "-C", directory, "checkout"});
    request.env = {{"LC_ALL", "C"}};
    if (wanted_.branch.empty()) {
      report_.branch = "openhands-workspace-" + make_secret().substr(0, branch_letters);
      request.argv.insert(request.argv.end(), {"-b", report_.branch});
    } else {
      report_.branch = wanted_.branch;
      request.argv.insert(request.argv.end(), {report_.branch, "--"});
    }
    auto ended = co_await need(std::move(request), "git checkout " + report_.branch);
    if (ended)
      co_return result<void>{};
    auto why = std::move(ended.error());
    if (why.code == errc::invalid_argument && !wanted_.branch.empty()) {
      why.code = errc::not_found;
      why.hint = "name a branch, a tag or a commit of the repository";
    }
    co_return fail(std::move(why));
  }

  asio::awaitable<void> remove(std::string directory) {
    auto request = command_of({"rm", "-rf", "--", directory});
    (void)co_await box_.exec(std::move(request));
  }

  /// The session that commands run in by default goes on from there.
  asio::awaitable<result<void>> enter() {
    auto entered = co_await box_.run("cd -- " + sandfleet::core::quote_posix(report_.directory));
    if (!entered)
      co_return fail(std::move(entered.error()));
    if (entered->exit_code != 0)
      co_return fail(
          make_error(errc::invalid_argument, "cannot go to " + report_.directory)
              .with("output", sandfleet::core::end_of(entered->output, most_output_shown)));
    co_return result<void>{};
  }

  asio::awaitable<result<bool>> has(std::string_view file) {
    constexpr std::size_t enough = 64U << 10; // an error has to fit in too
    auto read = co_await box_.read_file(report_.directory + "/" + std::string(file), enough);
    if (read || read.error().code == errc::limit_exceeded)
      co_return true;
    if (read.error().code == errc::not_found)
      co_return false;
    co_return fail(std::move(read.error()));
  }

  asio::awaitable<result<void>> run_setup_script() {
    auto found = co_await has(sandfleet::core::setup_script);
    if (!found)
      co_return fail(std::move(found.error()));
    if (!*found)
      co_return result<void>{};
    auto shown = co_await show(setup_step::workspace);
    if (!shown)
      co_return shown;
    auto entered = co_await enter();
    if (!entered)
      co_return entered;
    const std::string script(sandfleet::core::setup_script);
    command_request request;
    request.command = "chmod +x " + script + " && . ./" + script;
    request.timeout = wanted_.script_timeout;
    auto ended = co_await box_.run(std::move(request));
    if (!ended)
      co_return fail(std::move(ended.error()));
    report_.setup_script = std::move(*ended);
    const auto& how = *report_.setup_script;
    if (how.exit_code == 0)
      co_return result<void>{};
    auto why = make_error(how.timed_out ? errc::timed_out : errc::invalid_argument,
                          "the repository's own " + script + " failed")
                   .blamed_on(failure_class::task)
                   .with("output", sandfleet::core::end_of(how.output, most_output_shown));
    if (how.exit_code)
      why.evidence.emplace_back("exit_code", std::int64_t{*how.exit_code});
    if (how.timed_out)
      why.cause = "it took too long and was ended";
    co_return fail(std::move(why));
  }

  asio::awaitable<result<void>> install_hook() {
    auto found = co_await has(sandfleet::core::pre_commit_script);
    if (!found)
      co_return fail(std::move(found.error()));
    if (!*found)
      co_return result<void>{};
    auto shown = co_await show(setup_step::git_hooks);
    if (!shown)
      co_return shown;
    auto request =
        command_of({"sh", "-c", sandfleet::core::hook_installer(), "sh", report_.directory});
    request.stdin_bytes = sandfleet::core::pre_commit_hook();
    auto ended = co_await need(std::move(request), "to install the hook pre-commit");
    if (!ended)
      co_return fail(std::move(ended.error()));
    report_.hook_installed = true;
    report_.hook_preserved = sandfleet::core::trim(ended->out) == "preserved";
    co_return result<void>{};
  }

  asio::awaitable<result<void>> show(setup_step step) {
    return self_->core->control->advance_setup(mark_, step);
  }

  std::shared_ptr<sandbox::impl> self_;
  sandbox box_;
  workspace_setup wanted_;
  const actors::setup_mark& mark_;
  setup_report report_;
};

} // namespace

asio::awaitable<result<setup_report>> set_up_workspace(std::shared_ptr<sandbox::impl> self,
                                                       workspace_setup wanted) {
  if (self->core->closed)
    co_return fail(errc::shutting_down, "the engine of this sandbox has been closed");
  if (auto checked = validate(wanted); !checked)
    co_return fail(std::move(checked.error()));
  auto mark = co_await self->core->control->begin_setup(self->ready.id);
  if (!mark)
    co_return fail(std::move(mark.error()));
  workspace_builder builder(self, std::move(wanted), *mark);
  auto outcome = co_await builder.run();
  // So that the state is `ready` when this is answered; what befell the sandbox is told already.
  (void)co_await self->core->control->advance_setup(*mark, setup_step::over);
  co_return outcome;
}

} // namespace sandfleet::engine_detail
