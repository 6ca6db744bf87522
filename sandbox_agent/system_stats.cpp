#include "sandbox_agent/system_stats.hpp"

#include "runtime/core/system_text.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <array>
#include <cmath>
#include <fcntl.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

constexpr double shortest_window_s = 0.1; // the reference's

std::string read_small(const char* path) {
  std::array<char, 8192> text{};
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return {};
  const auto got = ::read(fd, text.data(), text.size());
  ::close(fd);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

std::int64_t field(std::string_view text, std::string_view name) {
  return core::named_number(text, name).value_or(0);
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double one_decimal(double number) {
  return std::round(number * 10) / 10;
}

void write_memory(protocol::json_writer& out) {
  const auto status = read_small("/proc/self/status");
  const auto rss = field(status, "VmRSS") * 1024;
  const auto total = field(read_small("/proc/meminfo"), "MemTotal") * 1024;
  out.key("memory")
      .begin_object()
      .member("rss", rss)
      .member("vms", field(status, "VmSize") * 1024)
      .member("percent",
              total > 0 ? 100.0 * static_cast<double>(rss) / static_cast<double>(total) : 0.0)
      .end_object();
}

void write_disk(protocol::json_writer& out) {
  struct statvfs disk {};
  ::statvfs("/", &disk);
  const std::uint64_t block = disk.f_frsize;
  const auto used = (disk.f_blocks - disk.f_bfree) * block;
  const auto available = disk.f_bavail * block;
  const auto usable = static_cast<double>(used + available);
  out.key("disk")
      .begin_object()
      .member("total", disk.f_blocks * block)
      .member("used", used)
      .member("free", available)
      .member("percent", usable > 0 ? one_decimal(100.0 * static_cast<double>(used) / usable) : 0.0)
      .end_object();
}

void write_io(protocol::json_writer& out) {
  const auto io = read_small("/proc/self/io");
  out.key("io")
      .begin_object()
      .member("read_bytes", field(io, "read_bytes"))
      .member("write_bytes", field(io, "write_bytes"))
      .end_object();
}

} // namespace

std::string system_stats::to_json() {
  const auto now = clock::now();
  const auto since = [&](clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  if (const double window = since(measured_); window >= shortest_window_s) {
    const double cpu = cpu_seconds();
    share_ = one_decimal(100 * (cpu - measured_cpu_) / window);
    measured_ = now;
    measured_cpu_ = cpu;
  }

  protocol::json_writer out;
  out.begin_object()
      .member("uptime", since(started_))
      .member("idle_time", since(last_action_))
      .key("resources")
      .begin_object()
      .member("cpu_percent", share_);
  write_memory(out);
  write_disk(out);
  write_io(out);
  out.end_object().end_object();
  return std::move(out).take();
}

} // namespace sandfleet::agent
