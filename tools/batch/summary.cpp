#include "tools/batch/summary.hpp"

#include "runtime/protocol/json_writer.hpp"
#include "tools/batch/rounded.hpp"

#include <cstdio>

namespace sandfleet::batch {
namespace {

std::string decimals(double value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

} // namespace

void summary::add(const task_result& done) {
  ++done_;
  attempts_ += done.attempts;
  passed_ += done.judged.passed ? 1 : 0;
  noise_.add(done);
}

double summary::rate() const {
  return seconds > 0 ? static_cast<double>(noise_.started()) / seconds : 0;
}

std::vector<std::pair<std::string, std::string>> summary::rows() const {
  std::vector<std::pair<std::string, std::string>> out;
  auto passed_text = std::to_string(passed()) + " of " + std::to_string(tasks);
  if (earlier > 0)
    passed_text += " (" + std::to_string(earlier_passed) + " of them in an earlier run)";
  out.emplace_back("passed", std::move(passed_text));
  if (failed() > 0) {
    auto text = std::to_string(failed());
    auto classes = counts_text(noise_.failures_by_class());
    if (earlier > earlier_passed)
      classes += (classes.empty() ? "" : ", ") + std::string("earlier run ") +
                 std::to_string(earlier - earlier_passed);
    out.emplace_back("failed", text + " (" + classes + ")");
  }
  if (not_run() > 0)
    out.emplace_back("not run", std::to_string(not_run()));
  if (bad_lines > 0)
    out.emplace_back("bad lines", std::to_string(bad_lines));
  if (attempts_ > done_)
    out.emplace_back("attempts made again", std::to_string(attempts_ - done_));
  out.emplace_back("time", decimals(seconds, "%.2f s"));
  if (done_ > 0)
    out.emplace_back("sandboxes", decimals(rate(), "%.1f a second"));
  return out;
}

std::string summary::to_json(std::string_view results_path) const {
  protocol::json_writer out;
  out.begin_object();
  out.member("tasks", tasks);
  out.member("passed", passed());
  out.member("failed", failed());
  out.member("not_run", not_run());
  out.member("bad_lines", bad_lines);
  out.member("earlier", earlier);
  out.key("failed_by_class").begin_object();
  for (const auto& [name, failures] : noise_.failures_by_class())
    out.member(name, failures);
  out.end_object();
  out.member("attempts_made_again", attempts_ - done_);
  out.member("seconds", rounded(seconds));
  out.member("sandboxes_per_second", rounded(rate()));
  out.key("start_seconds").begin_object();
  out.member("p50", rounded(noise_.start_quantile(0.50)));
  out.member("p99", rounded(noise_.start_quantile(0.99)));
  out.end_object();
  out.key("noise");
  noise_.write(out);
  out.member("interrupted", interrupted);
  out.member("results", results_path);
  out.end_object();
  return std::move(out).take();
}

} // namespace sandfleet::batch
