#include "runtime/docker/tar.hpp"
#include "runtime/protocol/base64.hpp"
#include "tests/integration/service/service_fixture.hpp"

namespace sandfleet::service {
namespace {

using testing::HasSubstr;
using transport::http_reply;

class service_images : public service_test {
 protected:
  http_reply build(const std::string& dockerfile, const std::string& target) {
    const auto context = docker::make_tar({{.path = "Dockerfile", .bytes = dockerfile}}).value();
    const auto field = [](const std::string& name, const std::string& more,
                          const std::string& value) {
      return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" +
             value + "\r\n";
    };
    transport::header_list type;
    type.emplace_back("Content-Type", "multipart/form-data; boundary=b");
    return call(
        "POST", "/build",
        field("context", "; filename=\"context.tar.gz\"", protocol::base64_encode(context)) +
            field("target_image", "", target) + field("tags", "", target + "-too") + "--b--\r\n",
        key_of_a, type);
  }

  json::value await_build(const http_reply& begun) {
    EXPECT_EQ(begun.status, 200) << begun.body;
    const auto id = json::value_to<std::string>(json::parse(begun.body).at("build_id"));
    EXPECT_EQ(call("GET", "/build_status?build_id=" + id, {}, key_of_b).status, 404);
    for (;;) {
      auto now = json::parse(call("GET", "/build_status?build_id=" + id).body);
      if (now.at("status") != "WORKING" && now.at("status") != "QUEUED")
        return now;
      ::usleep(2000); // as its clients ask
    }
  }

  bool exists(const std::string& image) {
    return json::parse(call("GET", "/image_exists?image=" + image).body).at("exists").as_bool();
  }
};

TEST_F(service_images, are_the_providers_own_where_it_has_some) {
  if (tests::tests_docker())
    GTEST_SKIP() << "Docker's are the engine's";
  EXPECT_TRUE(exists("anything:1"));
  const auto refused = build("FROM scratch\n", "sandfleet/x:1");
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("builds no images"));
}

TEST_F(service_images, are_built_and_used) {
  if (!tests::tests_docker())
    GTEST_SKIP() << "images are built with Docker";
  const auto id = make_sandbox_id().str();
  const auto target = "sandfleet/" + id + ":1";
  EXPECT_FALSE(exists(target));
  const auto built = await_build(build("FROM " + image_ + "\nRUN echo inside > /made\n", target));
  EXPECT_EQ(built.at("status"), "SUCCESS") << json::serialize(built);
  EXPECT_EQ(built.at("image"), target.c_str());
  EXPECT_TRUE(exists(target));
  EXPECT_TRUE(exists(target + "-too"));
  image_ = target;
  const auto told = ready("one");
  EXPECT_EQ(content_of(run(told, "cat /made")), "inside");
  EXPECT_EQ(stop(told.runtime_id).status, 200);
  for (const auto& name : {target, target + "-too"})
    EXPECT_EQ(std::system(("docker image rm " + name + " >/dev/null 2>&1").c_str()), 0);
}

TEST_F(service_images, that_cannot_be_built_say_why) {
  if (!tests::tests_docker())
    GTEST_SKIP() << "images are built with Docker";
  const auto failed =
      await_build(build("FROM " + image_ + "\nRUN echo oh dear; exit 3\n", "sandfleet/bad:1"));
  EXPECT_EQ(failed.at("status"), "FAILURE");
  EXPECT_THAT(json::value_to<std::string>(failed.at("error")), HasSubstr("oh dear"));
  EXPECT_THAT(build("FROM " + image_ + "\n", "python:3.12").body, HasSubstr("does not begin with"));
  transport::header_list type;
  type.emplace_back("Content-Type", "multipart/form-data; boundary=b");
  for (const char* form :
       {"", "--b--\r\n", "--b\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\nYQ==",
        "--b\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\n????\r\n--b--\r\n"})
    EXPECT_EQ(call("POST", "/build", form, key_of_a, type).status, 422) << form;
}

} // namespace
} // namespace sandfleet::service
