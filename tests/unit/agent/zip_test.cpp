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
    if (!piece || piece->empty())
      return bytes;
    bytes += *piece;
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
