#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/files/zip.hpp"
#include "sandbox_agent/files/zip_writer.hpp"
#include "tests/unit/agent/directory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

using namespace sandfleet;
using namespace sandfleet::agent;
using namespace sandfleet::agent::files;

namespace {

std::string zip_of(const std::string& path) {
  zip_stream zip(path);
  std::string bytes;
  for (;;) {
    const auto piece = zip.next();
    EXPECT_TRUE(piece) << piece.error().to_string();
    if (!piece)
      return bytes;
    bytes += *piece;
    if (zip.finished())
      return bytes;
  }
}

std::string zip_with(const std::string& name, std::uint32_t mode = S_IFREG | 0644) {
  zip_writer writer;
  std::string bytes;
  for (const auto& one : {std::string("first"), name}) {
    writer.begin_entry(bytes, one, 2, one == name ? mode : S_IFREG | 0644, 0);
    writer.data(bytes, "ok");
    writer.end_entry(bytes);
  }
  writer.finish(bytes);
  return bytes;
}

result<void> unpack(const directory& where, const std::string& zip, const std::string& into,
                    const unpack_limits& limits = {}) {
  where.write("t.zip", zip);
  std::filesystem::create_directories(where.at(into));
  const unique_fd file(::open(where.at("t.zip").c_str(), O_RDONLY | O_CLOEXEC));
  return unpack_zip(file.get(), where.at(into), limits);
}

} // namespace

TEST(zip, tree_round_trips) {
  directory where;
  where.write("in/a.txt", "hello");
  where.write("in/d/empty", "");
  where.write("in/d/e/big", std::string(300'000, 'x') + "end");
  where.write("in/\xC3\xA4", "umlaut");
  std::filesystem::create_symlink("a.txt", where.at("in/link"));
  std::filesystem::create_directory_symlink("d", where.at("in/dirlink"));
  std::filesystem::permissions(where.at("in/a.txt"), static_cast<std::filesystem::perms>(0755));
  const auto done = unpack(where, zip_of(where.at("in")), "out");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(where.read("out/a.txt"), "hello");
  EXPECT_EQ(std::filesystem::status(where.at("out/a.txt")).permissions(),
            static_cast<std::filesystem::perms>(0755));
  EXPECT_TRUE(where.has("out/d/empty"));
  EXPECT_EQ(where.read("out/d/e/big").size(), 300'003U);
  EXPECT_EQ(where.read("out/\xC3\xA4"), "umlaut");
  EXPECT_EQ(where.read("out/link"), "hello");
  EXPECT_FALSE(where.has("out/dirlink"));
}

TEST(zip, files_are_for_whom_the_umask_lets) {
  directory where;
  ASSERT_TRUE(unpack(where, zip_with("private", S_IFREG | 0600), "out"));
  ASSERT_TRUE(unpack(where, zip_with("program", S_IFREG | 0700), "out"));
  const auto mode = [&](const char* name) {
    return std::filesystem::status(where.at(name)).permissions();
  };
  EXPECT_EQ(mode("out/private"), mode("out/first"));
  EXPECT_EQ(mode("out/program"), mode("out/first") | std::filesystem::perms::owner_exec);
}

TEST(zip, single_file_is_in_its_archive) {
  directory where;
  where.write("one.txt", "1");
  ASSERT_TRUE(unpack(where, zip_of(where.at("one.txt")), "out"));
  EXPECT_EQ(where.read("out/one.txt"), "1");
}

TEST(zip, missing_path_is_an_error) {
  zip_stream zip("/nowhere/at/all");
  EXPECT_FALSE(zip.next());
}

TEST(zip, an_archive_without_entries_is_one_and_other_files_are_none) {
  directory where;
  EXPECT_TRUE(unpack(where, std::string("PK\5\6") + std::string(18, '\0'), "out"));
  const auto other = unpack(where, "no archive", "out");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::unsupported);
}

TEST(zip, nothing_is_written_when_an_entry_leaves_the_destination) {
  for (const auto* name : {"../evil", "/tmp/evil", "d/../../evil", ".."}) {
    directory where;
    const auto done = unpack(where, zip_with(name), "out");
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, errc::invalid_argument);
    EXPECT_FALSE(where.has("out/first"));
    EXPECT_FALSE(where.has("evil"));
  }
}

TEST(zip, links_in_archives_are_refused) {
  directory where;
  EXPECT_FALSE(unpack(where, zip_with("l", S_IFLNK | 0777), "out"));
  EXPECT_FALSE(where.has("out/first"));
}

TEST(zip, links_on_the_way_are_not_followed) {
  directory where;
  std::filesystem::create_directories(where.at("out"));
  std::filesystem::create_directories(where.at("aside"));
  std::filesystem::create_directory_symlink(where.at("aside"), where.at("out/d"));
  EXPECT_FALSE(unpack(where, zip_with("d/evil"), "out"));
  EXPECT_FALSE(where.has("aside/evil"));
  where.write("aside/target", "kept");
  std::filesystem::create_symlink(where.at("aside/target"), where.at("out/f"));
  EXPECT_TRUE(unpack(where, zip_with("f"), "out"));
  EXPECT_EQ(where.read("aside/target"), "kept");
}

TEST(zip, limits_hold) {
  directory where;
  const auto few = unpack(where, zip_with("a"), "out", {1, 1000});
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, errc::limit_exceeded);
  const auto small = unpack(where, zip_with("a"), "out", {10, 3});
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code, errc::limit_exceeded);
}

TEST(zip, other_bytes_are_refused) {
  directory where;
  EXPECT_FALSE(unpack(where, "this is no archive", "out"));
  EXPECT_FALSE(unpack(where, "", "out"));
  // The archive library fails at this without a word.
  const std::string end_alone("\0PK\5\6\0\0\0\0\2\0\2\0\xff\xff\xff\xff\1\0\0\0\0\xff", 23);
  const auto silent = unpack(where, end_alone, "out");
  ASSERT_FALSE(silent);
  EXPECT_FALSE(silent.error().cause.empty());
  EXPECT_FALSE(unpack(where, zip_with("a").substr(0, 60), "out"));
}

TEST(zip, a_bomb_is_stopped_by_the_archives_own_size) {
  const directory where;
  const auto bytes = zip_with("second");
  unpack_limits limits;
  limits.max_ratio = 0;
  const auto done = unpack(where, bytes, "out", limits);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::limit_exceeded);
}

TEST(zip, unpacking_can_be_stopped) {
  const directory where;
  where.write("t.zip", zip_with("second"));
  const unique_fd file(::open(where.at("t.zip").c_str(), O_RDONLY | O_CLOEXEC));
  std::stop_source stop;
  stop.request_stop();
  const auto done = unpack_zip(file.get(), where.at("."), {}, stop.get_token());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::cancelled);
}

TEST(zip, what_changes_while_it_is_read_spoils_no_archive) {
  directory where;
  where.write("in/a", std::string(100'000, 'a'));
  where.write("in/b", std::string(500'000, 'b'));
  where.write("in/c", "gone");
  zip_stream zip(where.at("in"));
  std::string bytes;
  const auto first = zip.next(); // the begin of a
  ASSERT_TRUE(first);
  bytes += *first;
  std::filesystem::resize_file(where.at("in/a"), 70'000);
  std::filesystem::resize_file(where.at("in/b"), 400'000);
  std::filesystem::remove(where.at("in/c"));
  while (!zip.finished()) {
    const auto piece = zip.next();
    ASSERT_TRUE(piece) << piece.error().to_string();
    bytes += *piece;
  }
  ASSERT_TRUE(unpack(where, bytes, "out"));
  EXPECT_EQ(std::filesystem::file_size(where.at("out/a")), 70'000U);
  EXPECT_EQ(std::filesystem::file_size(where.at("out/b")), 400'000U);
  EXPECT_FALSE(std::filesystem::exists(where.at("out/c")));
}

TEST(zip, only_files_are_taken_and_none_of_them_blocks) {
  directory where;
  where.write("in/file", "x");
  ASSERT_EQ(::mkfifo(where.at("in/fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("fifo", where.at("in/link_to_fifo"));
  std::filesystem::create_symlink("/dev/zero", where.at("in/device"));
  std::filesystem::create_symlink("loop", where.at("in/loop"));
  std::filesystem::create_directory_symlink("..", where.at("in/up"));
  ASSERT_TRUE(unpack(where, zip_of(where.at("in")), "out"));
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(where.at("out")))
    count += entry.path().filename() == "file" ? 1 : 100;
  EXPECT_EQ(count, 1);
  zip_stream fifo(where.at("in/fifo"));
  EXPECT_FALSE(fifo.next());
}

TEST(zip, a_name_that_is_not_utf8_is_not_said_to_be) {
  const auto flags_of = [](const std::string& name) {
    zip_writer writer;
    std::string bytes;
    writer.begin_entry(bytes, name, 0, S_IFREG | 0644, 0);
    return static_cast<unsigned char>(bytes[7]);
  };
  EXPECT_EQ(flags_of("\xC3\xA4"), 8);
  EXPECT_EQ(flags_of("\xFF"), 0);
}
