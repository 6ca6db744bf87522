#include "sandbox_agent/server/linter.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/lint.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace sandfleet::agent {

namespace asio = boost::asio;
using files::lint_issue;

namespace {

using issues = std::optional<std::vector<lint_issue>>; ///< nothing: nobody looked

constexpr std::chrono::seconds patience{10};
constexpr std::size_t max_printed = std::size_t{1} << 20; // bytes
constexpr const char* flake8_codes = "--select=F821,F822,F831,E112,E113,E999,E902";
/// Line, column and message of a syntax error, a line each.
constexpr const char* compiler = R"(
import sys
sys.stdin.reconfigure(encoding='utf-8')
sys.stdout.reconfigure(encoding='utf-8')
try:
    compile(sys.stdin.read(), 'stdin', 'exec')
except SyntaxError as e:
    column = e.end_offset
    if column and column < 0:
        column = e.offset
    print(e.end_lineno or e.lineno or 1, column or 1, e.msg, sep='\n')
)";

asio::awaitable<std::optional<std::string>> print(std::vector<std::string> argv, std::string text,
                                                  one_shot_settings with) {
  exec_request request;
  request.argv = std::move(argv);
  request.stdin_bytes = std::move(text);
  request.timeout = patience;
  request.max_output_bytes = max_printed;
  auto ran = co_await run_one_shot(std::move(request), with);
  if (!ran || !ran->exit_code)
    co_return std::nullopt;
  co_return std::move(ran->out);
}

asio::awaitable<issues> compile_python(std::string text, one_shot_settings with) {
  std::vector<std::string> argv{"python3", "-I", "-c", compiler};
  const auto printed = co_await print(std::move(argv), std::move(text), std::move(with));
  if (!printed)
    co_return std::nullopt;
  const auto lines = core::split(*printed, '\n');
  std::vector<lint_issue> found;
  const auto line = core::parse_integer(lines.front());
  const auto column = lines.size() > 2 ? core::parse_integer(lines[1]) : std::nullopt;
  if (line && column)
    found.push_back({static_cast<int>(*line), static_cast<int>(*column), std::string(lines[2])});
  co_return found;
}

asio::awaitable<issues> lint_python(std::string text, one_shot_settings with) {
  std::vector<std::string> argv{"flake8", flake8_codes, "--isolated", "-"};
  const auto printed = co_await print(std::move(argv), text, with);
  auto found = printed ? files::parse_flake8(*printed) : std::vector<lint_issue>();
  if (!found.empty())
    co_return std::move(found);
  auto compiled = co_await compile_python(std::move(text), std::move(with));
  if (!compiled && printed)
    co_return std::move(found);
  co_return std::move(compiled);
}

} // namespace

asio::awaitable<std::optional<std::string>> lint_change(files::text_change change,
                                                        one_shot_settings with) {
  if (!change.path.ends_with(".py"))
    co_return files::lint_text({});
  const auto before = co_await lint_python(change.old_text, with);
  if (!before)
    co_return std::nullopt;
  const auto after = co_await lint_python(change.new_text, std::move(with));
  if (!after)
    co_return std::nullopt;
  co_return files::lint_text(
      files::issues_of_change(*before, *after, change.old_text, change.new_text));
}

} // namespace sandfleet::agent
