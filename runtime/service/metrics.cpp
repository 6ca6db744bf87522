#include "runtime/service/metrics.hpp"

#include "runtime/core/text.hpp"

namespace sandfleet::service {

namespace {

void begin_family(std::string& out, std::string_view name, std::string_view type,
                  std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void sample(std::string& out, std::string_view name, std::string_view labels,
            std::string_view value) {
  out.append(name);
  if (!labels.empty())
    out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

std::string label(std::string_view name, std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '"' || c == '\\')
      escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return std::string(name) + "=\"" + escaped + "\"";
}

} // namespace

void metrics::count_request(std::string_view kind, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(kind), status}];
}

void metrics::count_start(std::string_view outcome, std::chrono::duration<double> took) {
  const std::lock_guard lock(mutex_);
  ++starts_[std::string(outcome)];
  if (outcome != "ok")
    return;
  ++measured_;
  seconds_ += took.count();
  for (std::size_t i = 0; i < bounds.size(); ++i)
    if (took.count() <= bounds[i])
      ++within_[i];
}

std::string metrics::render(const std::map<std::string, std::int64_t>& states,
                            const std::map<std::string, std::size_t>& warm) const {
  std::string out;
  begin_family(out, "sandfleet_sandboxes", "gauge", "Sandboxes that live, by their status.");
  for (const auto& [state, count] : states)
    sample(out, "sandfleet_sandboxes", label("status", state), std::to_string(count));
  if (!warm.empty())
    begin_family(out, "sandfleet_warm_sandboxes", "gauge", "Sandboxes in waiting, by their image.");
  for (const auto& [image, count] : warm)
    sample(out, "sandfleet_warm_sandboxes", label("image", image), std::to_string(count));
  const std::lock_guard lock(mutex_);
  begin_family(out, "sandfleet_requests_total", "counter",
               "Requests that were answered, of the API and to sandboxes.");
  for (const auto& [of, count] : requests_)
    sample(out, "sandfleet_requests_total",
           label("kind", of.first) + "," + label("code", std::to_string(of.second)),
           std::to_string(count));
  begin_family(out, "sandfleet_starts_total", "counter",
               "Starts of sandboxes that ended, by their outcome: ok, or whose fault it was.");
  for (const auto& [outcome, count] : starts_)
    sample(out, "sandfleet_starts_total", label("outcome", outcome), std::to_string(count));
  constexpr std::string_view duration = "sandfleet_start_duration_seconds";
  begin_family(out, duration, "histogram", "From the request to a ready sandbox.");
  const auto buckets = std::string(duration) + "_bucket";
  for (std::size_t i = 0; i < bounds.size(); ++i)
    sample(out, buckets, label("le", core::number_text(bounds[i])), std::to_string(within_[i]));
  sample(out, buckets, label("le", "+Inf"), std::to_string(measured_));
  sample(out, std::string(duration) + "_sum", {}, core::number_text(seconds_));
  sample(out, std::string(duration) + "_count", {}, std::to_string(measured_));
  return out;
}

} // namespace sandfleet::service
