#include "runtime/providers/docker/pull_progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sandfleet::providers::docker {

namespace {

constexpr std::chrono::seconds least_pause{1};

bool is_there(const std::string& doing) {
  return doing == "Pull complete" || doing == "Already exists";
}

/// A layer's bytes are counted while they come, and all of them afterwards.
bool counts_bytes(const std::string& doing) {
  return doing == "Downloading";
}

std::string megabytes(std::int64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", static_cast<double>(bytes) / 1e6);
  return text.data();
}

} // namespace

std::optional<std::string> pull_progress::take(const sandfleet::docker::progress_line& line,
                                               time_point now) {
  if (line.failure)
    return *line.failure;
  if (line.layer.empty() || line.text.starts_with("Pulling from"))
    return line.text.empty() ? std::nullopt : std::optional(line.text);
  auto& one = layers_[line.layer];
  one.doing = line.text;
  if (counts_bytes(line.text)) {
    one.current = line.current;
    one.total = std::max(line.total, line.current);
  } else if (line.text == "Download complete") {
    one.current = one.total;
  }
  if (last_ && now - *last_ < least_pause)
    return std::nullopt;
  last_ = now;
  return summary();
}

std::string pull_progress::summary() const {
  std::size_t whole = 0;
  std::int64_t current = 0;
  std::int64_t total = 0;
  std::string details;
  for (const auto& [id, one] : layers_) {
    whole += is_there(one.doing) ? 1 : 0;
    current += one.current;
    total += one.total;
    if (counts_bytes(one.doing))
      details += (details.empty() ? "" : ", ") + id + ": " + megabytes(one.current) + " of " +
                 megabytes(one.total) + " MB";
  }
  return std::to_string(whole) + " of " + std::to_string(layers_.size()) + " layers, " +
         megabytes(current) + " of " + megabytes(total) + " MB" +
         (details.empty() ? "" : " (" + details + ")");
}

} // namespace sandfleet::providers::docker
