#include "sandbox_agent/files/zip_writer.hpp"
#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sys/stat.h>

using namespace agent_test;

namespace {

agent_process& shared() {
  static agent_process one;
  return one;
}

std::string in_workspace(const std::string& name) {
  return shared().workspace() + "/" + name;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

answer put(const std::string& target, const std::string& bytes) {
  return shared().connect().request("PUT", target, bytes, shared().key_header());
}

answer upload(const std::string& query, const std::string& name, const std::string& bytes) {
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
                           name + "\"\r\n\r\n" + bytes + "\r\n--b--\r\n";
  return shared().connect().request("POST", "/upload_file?" + query, body,
                                    shared().key_header() +
                                        "Content-Type: multipart/form-data; boundary=b\r\n");
}

std::string zip_of(const std::string& name, const std::string& bytes) {
  sandfleet::agent::files::zip_writer zip;
  std::string out;
  zip.begin_entry(out, name, bytes.size(), S_IFREG | 0755, 0);
  zip.data(out, bytes);
  zip.end_entry(out);
  zip.finish(out);
  return out;
}

} // namespace

TEST(agent_files, twenty_megabytes_round_trip) {
  std::mt19937 random(7);
  std::string bytes(20U << 20U, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  EXPECT_EQ(put("/file?path=deep/er/big%20one&mode=0750", bytes).status, 204);
  EXPECT_TRUE(content(in_workspace("deep/er/big one")) == bytes);
  const auto got = shared().get("/file?path=deep/er/big%20one");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.headers.at("x-file-mode"), "0750");
  EXPECT_TRUE(got.body == bytes);
}

TEST(agent_files, upload_that_breaks_off_leaves_nothing) {
  EXPECT_EQ(put("/file?path=kept/x", "old").status, 204);
  {
    auto one = shared().connect();
    one.send("PUT /file?path=kept/x HTTP/1.1\r\nHost: x\r\n" + shared().key_header() +
             "Content-Length: 1000\r\n\r\nhalf");
  }
  // The connections are served in turn, so this one comes after the other's end was seen.
  while (std::distance(std::filesystem::directory_iterator(in_workspace("kept")), {}) != 1)
    EXPECT_EQ(shared().get("/alive").status, 200);
  EXPECT_EQ(content(in_workspace("kept/x")), "old");
}

TEST(agent_files, only_regular_files_are_read) {
  EXPECT_EQ(shared().get("/file?path=missing").status, 404);
  EXPECT_EQ(shared().get("/file?path=/").status, 403);
  EXPECT_EQ(shared().get("/file?path=/dev/null").status, 403);
  EXPECT_EQ(shared().get("/file").status, 422);
  EXPECT_EQ(put("/file?path=/&mode=0644", "x").status, 403);
  EXPECT_EQ(put("/file?path=x&mode=rw", "x").status, 422);
}

TEST(agent_files, empty_file_is_a_file) {
  EXPECT_EQ(put("/file?path=empty", "").status, 204);
  EXPECT_EQ(shared().get("/file?path=empty").headers.at("content-length"), "0");
}

TEST(agent_files, plain_upload_goes_to_its_destination) {
  const auto done = upload("destination=" + in_workspace("up"), "a.txt", "hello");
  EXPECT_EQ(done.body, R"({"filename":"a.txt","destination":")" + in_workspace("up") +
                           R"(","recursive":false})");
  EXPECT_EQ(content(in_workspace("up/a.txt")), "hello");
}

TEST(agent_files, zip_upload_is_unpacked) {
  const auto done = upload("destination=" + in_workspace("tree") + "&recursive=true", "t.zip",
                           zip_of("d/run", "#!"));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(content(in_workspace("tree/d/run")), "#!");
  EXPECT_FALSE(std::filesystem::exists(in_workspace("tree/t.zip")));
}

TEST(agent_files, bad_uploads_are_answered_as_the_reference_does) {
  EXPECT_EQ(upload("destination=relative", "a", "x").body,
            R"({"detail":"400: Destination must be an absolute path"})");
  EXPECT_EQ(upload("destination=/tmp&recursive=true", "a.txt", "x").body,
            R"({"detail":"400: Recursive uploads must be zip files"})");
  EXPECT_EQ(upload("destination=/tmp&recursive=perhaps", "a.txt", "x").status, 422);
  EXPECT_EQ(shared().post("/upload_file?destination=/tmp", "x").status, 422);
  EXPECT_EQ(
      upload("destination=" + in_workspace("evil"), "e.zip", zip_of("../../evil", "x")).status,
      500);
  EXPECT_EQ(upload("destination=" + in_workspace("evil"), "../name", "x").status, 500);
  EXPECT_EQ(upload("destination=/tmp", "c.zip", "no archive").body,
            R"({"detail":"/tmp/c.zip is not a zip file"})");
  EXPECT_EQ(upload("destination=/etc/hostname", "f", "x").body,
            R"({"detail":"[Errno 20] Not a directory: '/etc/hostname/f'"})");
}

TEST(agent_files, download_is_a_zip_of_what_is_below) {
  std::filesystem::create_directories(in_workspace("down/d"));
  std::ofstream(in_workspace("down/d/f")) << "content";
  const auto zip = shared().get("/download_files?path=" + in_workspace("down"));
  EXPECT_EQ(zip.headers.at("content-type"), "application/zip");
  EXPECT_EQ(zip.headers.at("content-disposition"), "attachment; filename=\"down.zip\"");
  ASSERT_EQ(upload("destination=" + in_workspace("again"), "x.zip", zip.body).status, 200);
  EXPECT_EQ(content(in_workspace("again/d/f")), "content");
  EXPECT_EQ(shared().get("/download_files?path=a").body,
            R"({"detail":"400: Path must be an absolute path"})");
  EXPECT_EQ(shared().get("/download_files?path=/no/such").body,
            R"({"detail":"404: File not found"})");
}

TEST(agent_files, listing_and_glob) {
  std::filesystem::create_directories(in_workspace("list/Dir"));
  std::ofstream(in_workspace("list/b.py")) << "";
  EXPECT_EQ(shared().post("/list_files", R"({"path":"list"})").body, R"(["Dir/","b.py"])");
  EXPECT_EQ(shared().post("/list_files", R"({"path":"list/b.py"})").body, "[]");
  EXPECT_EQ(shared().post("/glob", R"({"pattern":"list/*.py"})").body,
            R"({"paths":["list/b.py"]})");
}

TEST(agent_files, actions_follow_the_shells_directory) {
  EXPECT_EQ(shared().run_action("mkdir -p sub && cd sub").status, 200);
  const auto written = shared().post(
      "/execute_action", R"({"action":{"action":"write","args":{"path":"n","content":"1"}}})");
  EXPECT_EQ(member(written.body, "observation"), "write");
  EXPECT_EQ(content(in_workspace("sub/n")), "1\n");
  const auto read =
      shared().post("/execute_action", R"({"action":{"action":"read","args":{"path":"n"}}})");
  EXPECT_EQ(member(read.body, "content"), "1\n");
  const auto edited = shared().post(
      "/execute_action", R"({"action":{"action":"edit","args":{"command":"view","path":")" +
                             in_workspace("sub/n") + R"("}}})");
  EXPECT_EQ(member(edited.body, "content"), "Here's the result of running `cat -n` on " +
                                                in_workspace("sub/n") + ":\n     1\t1\n     2\t\n");
}
