#include "runtime/protocol/action_codec.hpp"

#include <gtest/gtest.h>

using namespace sandfleet::protocol;

TEST(observation_codec, run_has_the_references_members_in_order) {
  run_observation what;
  what.content = "hi";
  what.command = "echo hi";
  what.metadata.exit_code = 0;
  what.metadata.username = "root";
  what.metadata.hostname = "h";
  what.metadata.working_dir = "/w";
  what.metadata.suffix = "\n[done]";
  EXPECT_EQ(encode(what),
            R"({"message":"Command `echo hi` executed with exit code 0.","observation":"run",)"
            R"("content":"hi","extras":{"command":"echo hi","metadata":{"exit_code":0,"pid":-1,)"
            R"("username":"root","hostname":"h","working_dir":"/w","py_interpreter_path":null,)"
            R"("prefix":"","suffix":"\n[done]"},"hidden":false},"success":true})");
}

TEST(observation_codec, files_have_the_references_members_in_order) {
  EXPECT_EQ(encode(read_observation{"text", "/a"}),
            R"({"message":"I read the file /a.","observation":"read","content":"text",)"
            R"("extras":{"path":"/a","impl_source":"default"}})");
  EXPECT_EQ(encode(write_observation{"/a"}),
            R"({"message":"I wrote to the file /a.","observation":"write","content":"",)"
            R"("extras":{"path":"/a"}})");
  edit_observation edit;
  edit.path = "/a";
  edit.content = "ok";
  edit.old_content = "x";
  EXPECT_EQ(encode(edit),
            R"({"message":"I edited the file /a.","observation":"edit","content":"ok",)"
            R"("extras":{"path":"/a","prev_exist":false,"old_content":"x","new_content":null,)"
            R"("impl_source":"oh_aci","diff":"","_diff_cache":null}})");
  EXPECT_EQ(encode(error_observation{"bad", ""}),
            R"({"message":"bad","observation":"error","content":"bad","extras":{"error_id":""}})");
}

TEST(observation_codec, long_content_keeps_both_ends_by_characters) {
  run_observation what;
  for (int i = 0; i < 30'000; ++i)
    what.content += "\xC3\xA4";
  EXPECT_EQ(encode(what).find("truncated"), std::string::npos);
  what.content = "b" + what.content + "e";
  const auto cut = encode(what);
  EXPECT_NE(cut.find("\xC3\xA4\\n[... Observation truncated due to length ...]\\n\xC3\xA4"),
            std::string::npos);
  EXPECT_NE(cut.find("\"content\":\"b"), std::string::npos);
  EXPECT_NE(cut.find("e\",\"extras\""), std::string::npos);
  what.hidden = true;
  EXPECT_EQ(encode(what).find("truncated"), std::string::npos);
}
