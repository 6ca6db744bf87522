#include "tools/batch/noise.hpp"

#include "tools/batch/rounded.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace sandfleet::batch {
namespace {

/// Nearest rank.
std::optional<double> quantile(std::vector<float> values, double part) {
  if (values.empty())
    return std::nullopt;
  const auto rank =
      static_cast<std::size_t>(std::max(1.0, std::ceil(part * static_cast<double>(values.size()))));
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::string decimals(double value, const char* format) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string seconds_text(double seconds) {
  return seconds < 1 ? decimals(seconds * 1000, "%.1f ms") : decimals(seconds, "%.2f s");
}

std::string quantiles_text(const std::vector<float>& values) {
  const auto p50 = quantile(values, 0.50);
  const auto p99 = quantile(values, 0.99);
  return p50 ? "p50 " + seconds_text(*p50) + ", p99 " + seconds_text(*p99) : "none";
}

void write_quantiles(protocol::json_writer& out, std::string_view name,
                     const std::vector<float>& values) {
  out.key(name).begin_object();
  out.member("p50", rounded(quantile(values, 0.50)));
  out.member("p99", rounded(quantile(values, 0.99)));
  out.end_object();
}

void write_counts(protocol::json_writer& out, std::string_view name,
                  const std::map<std::string, std::uint64_t>& counts) {
  out.key(name).begin_object();
  for (const auto& [what, count] : counts)
    out.member(what, count);
  out.end_object();
}

/// Without ids and paths, so that failures of one kind count together.
std::string kind_of(const retried_attempt& retried) {
  return std::string(to_string(retried.code)) + " at " + std::string(to_string(retried.failed_at));
}

} // namespace

std::string counts_text(const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [what, count] : counts)
    text += (text.empty() ? "" : ", ") + what + " " + std::to_string(count);
  return text;
}

void noise::add(const task_result& done) {
  ++tasks_;
  if (!done.judged.passed)
    ++failures_by_class_[std::string(class_name(done.judged.why))];
  bool any = false;
  for (const auto& [limit, count] : done.usage.touched)
    if (count > 0) {
      any = true;
      ++touched_by_limit_[limit];
    }
  touched_ += any ? 1 : 0;
  for (const auto& retried : done.retried)
    ++retries_by_cause_[kind_of(retried)];
  queue_seconds_.push_back(static_cast<float>(done.seconds.queue));
  if (!done.sandbox.empty())
    start_seconds_.push_back(static_cast<float>(done.seconds.start));
}

std::optional<double> noise::start_quantile(double part) const {
  return quantile(start_seconds_, part);
}

std::vector<std::pair<std::string, std::string>> noise::rows() const {
  if (tasks_ == 0)
    return {};
  const auto with_counts = [](std::string text, const counts& of) {
    return of.empty() ? text : text + " (" + counts_text(of) + ")";
  };
  const auto total = [](const counts& of) {
    std::uint64_t sum = 0;
    for (const auto& [what, count] : of)
      sum += count;
    return std::to_string(sum);
  };
  const auto share = 100 * static_cast<double>(touched_) / static_cast<double>(tasks_);
  return {
      {"touched a limit", with_counts(std::to_string(touched_) + " of " + std::to_string(tasks_) +
                                          " tasks, " + decimals(share, "%.1f %%"),
                                      touched_by_limit_)},
      {"queue wait", quantiles_text(queue_seconds_)},
      {"sandbox start", quantiles_text(start_seconds_)},
      {"retries", with_counts(total(retries_by_cause_), retries_by_cause_)},
      {"failures", with_counts(total(failures_by_class_), failures_by_class_)},
  };
}

void noise::write(protocol::json_writer& out) const {
  out.begin_object();
  out.key("touched_a_limit").begin_object();
  out.member("tasks", touched_);
  out.member(
      "share",
      rounded(tasks_ > 0 ? static_cast<double>(touched_) / static_cast<double>(tasks_) : 0.0));
  write_counts(out, "by_limit", touched_by_limit_);
  out.end_object();
  write_quantiles(out, "queue_seconds", queue_seconds_);
  write_quantiles(out, "start_seconds", start_seconds_);
  write_counts(out, "retries_by_cause", retries_by_cause_);
  write_counts(out, "failures_by_class", failures_by_class_);
  out.end_object();
}

} // namespace sandfleet::batch
