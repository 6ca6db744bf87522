#include "sandbox_agent/files/zip_writer.hpp"

#include "runtime/protocol/utf8.hpp"

#include <algorithm>
#include <zlib.h>

namespace sandfleet::agent::files {

namespace {

constexpr std::uint64_t max32 = 0xFFFFFFFF;
constexpr std::uint64_t max16 = 0xFFFF;
constexpr std::uint16_t version_plain = 20;
constexpr std::uint16_t version_zip64 = 45;
constexpr std::uint16_t made_by_unix = 3 << 8;
constexpr std::uint16_t sizes_follow = 1 << 3;
constexpr std::uint16_t name_is_utf8 = 1 << 11;
constexpr std::uint16_t zip64_extra = 1;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8U)
    out += static_cast<char>(value & 0xFFU);
}

std::uint16_t flags_for(const std::string& name) {
  return sizes_follow | (protocol::is_utf8(name) ? name_is_utf8 : 0);
}

std::uint64_t at_most(std::uint64_t value, std::uint64_t ceiling) {
  return std::min(value, ceiling);
}

std::uint32_t dos_time(std::time_t when) {
  std::tm local{};
  ::localtime_r(&when, &local);
  const int year = local.tm_year - 80;
  if (year < 0)
    return 1U << 21U | 1U << 16U; // 1980-01-01, before which there is nothing
  return static_cast<std::uint32_t>(std::min(year, 127)) << 25U |
         static_cast<std::uint32_t>(local.tm_mon + 1) << 21U |
         static_cast<std::uint32_t>(local.tm_mday) << 16U |
         static_cast<std::uint32_t>(local.tm_hour) << 11U |
         static_cast<std::uint32_t>(local.tm_min) << 5U |
         static_cast<std::uint32_t>(local.tm_sec) / 2;
}

} // namespace

void zip_writer::begin_entry(std::string& out, std::string name, std::uint64_t size,
                             std::uint32_t mode, std::time_t modified) {
  name.resize(at_most(name.size(), max16));
  const auto before = out.size();
  const bool large = size >= max32;
  entries_.push_back({std::move(name), size, 0, offset_, mode, dos_time(modified), 0});
  const auto& one = entries_.back();
  put(out, 0x04034b50, 4);
  put(out, large ? version_zip64 : version_plain, 2);
  put(out, flags_for(one.name), 2);
  put(out, 0, 2); // stored
  put(out, one.time, 4);
  put(out, 0, 4);
  put(out, large ? max32 : 0, 4);
  put(out, large ? max32 : 0, 4);
  put(out, one.name.size(), 2);
  put(out, large ? 20 : 0, 2);
  out += one.name;
  if (large) {
    put(out, zip64_extra, 2);
    put(out, 16, 2);
    put(out, 0, 8);
    put(out, 0, 8);
  }
  offset_ += out.size() - before;
}

void zip_writer::data(std::string& out, std::string_view bytes) {
  auto& one = entries_.back();
  one.crc = static_cast<std::uint32_t>(
      ::crc32_z(one.crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  out += bytes;
  one.size += bytes.size();
  offset_ += bytes.size();
}

void zip_writer::end_entry(std::string& out) {
  const auto& one = entries_.back();
  const int width = one.announced >= max32 ? 8 : 4;
  const auto before = out.size();
  put(out, 0x08074b50, 4);
  put(out, one.crc, 4);
  put(out, one.size, width);
  put(out, one.size, width);
  offset_ += out.size() - before;
}

void zip_writer::finish(std::string& out) {
  const auto start = offset_;
  const auto before = out.size();
  for (const auto& one : entries_) {
    const bool large = one.size >= max32;
    const bool far = one.offset >= max32;
    const auto version = large || far ? version_zip64 : version_plain;
    put(out, 0x02014b50, 4);
    put(out, made_by_unix | version, 2);
    put(out, version, 2);
    put(out, flags_for(one.name), 2);
    put(out, 0, 2);
    put(out, one.time, 4);
    put(out, one.crc, 4);
    put(out, at_most(one.size, max32), 4);
    put(out, at_most(one.size, max32), 4);
    put(out, one.name.size(), 2);
    put(out, large || far ? 4 + (large ? 16 : 0) + (far ? 8 : 0) : 0, 2);
    put(out, 0, 2); // no comment
    put(out, 0, 2); // the only disk
    put(out, 0, 2);
    put(out, std::uint64_t{one.mode} << 16U, 4);
    put(out, at_most(one.offset, max32), 4);
    out += one.name;
    if (large || far) {
      put(out, zip64_extra, 2);
      put(out, (large ? 16 : 0) + (far ? 8 : 0), 2);
      if (large) {
        put(out, one.size, 8);
        put(out, one.size, 8);
      }
      if (far)
        put(out, one.offset, 8);
    }
  }
  const auto size = out.size() - before;
  if (entries_.size() >= max16 || start >= max32 || size >= max32) {
    put(out, 0x06064b50, 4);
    put(out, 44, 8);
    put(out, made_by_unix | version_zip64, 2);
    put(out, version_zip64, 2);
    put(out, 0, 4);
    put(out, 0, 4);
    put(out, entries_.size(), 8);
    put(out, entries_.size(), 8);
    put(out, size, 8);
    put(out, start, 8);
    put(out, 0x07064b50, 4);
    put(out, 0, 4);
    put(out, start + size, 8);
    put(out, 1, 4);
  }
  put(out, 0x06054b50, 4);
  put(out, 0, 2);
  put(out, 0, 2);
  put(out, at_most(entries_.size(), max16), 2);
  put(out, at_most(entries_.size(), max16), 2);
  put(out, at_most(size, max32), 4);
  put(out, at_most(start, max32), 4);
  put(out, 0, 2);
}

} // namespace sandfleet::agent::files
