#include "runtime/config/layers.hpp"
#include "runtime/config/literal.hpp"

#include <gtest/gtest.h>

namespace sandfleet::config {
namespace {

using std::chrono::milliseconds;
using text_map = std::map<std::string, std::string>;

const surroundings where{"/work", "/home/u"};
const origin from_flag{origin::layer_kind::flag, "--x"};

result<value> read(key which, const raw_data& raw) {
  return read_value(info(which), raw, from_flag, where);
}

template <class T>
T get(key which, const raw_data& raw) {
  auto outcome = read(which, raw);
  EXPECT_TRUE(outcome) << outcome.error().to_string();
  return outcome ? std::get<T>(*outcome) : T{};
}

TEST(value, duration_is_seconds_or_carries_a_unit) {
  EXPECT_EQ(get<milliseconds>(key::timeout, std::string("5")), milliseconds(5'000));
  EXPECT_EQ(get<milliseconds>(key::timeout, std::string("0.5")), milliseconds(500));
  EXPECT_EQ(get<milliseconds>(key::timeout, std::string("250ms")), milliseconds(250));
  EXPECT_EQ(get<milliseconds>(key::timeout, std::string("2 m")), milliseconds(120'000));
  EXPECT_EQ(get<milliseconds>(key::timeout, std::string("1h")), milliseconds(3'600'000));
  EXPECT_EQ(get<milliseconds>(key::timeout, std::int64_t{7}), milliseconds(7'000));
  EXPECT_EQ(get<milliseconds>(key::timeout, 1e-3), milliseconds(1));
}

TEST(value, duration_must_be_a_number_in_bounds) {
  for (const auto* text : {"", "s", "5x", "-1", "0", "1e9", "five", "99999999999h", "nan", "5 5"})
    EXPECT_FALSE(read(key::timeout, std::string(text))) << text;
  EXPECT_FALSE(read(key::timeout, true));
  EXPECT_FALSE(read(key::timeout, text_map{}));
}

TEST(value, integer_must_be_whole_and_in_bounds) {
  EXPECT_EQ(get<std::int64_t>(key::io_threads, std::string("64")), 64);
  EXPECT_EQ(get<std::int64_t>(key::io_threads, std::int64_t{1}), 1);
  for (const auto* text : {"", "0", "65", "1.0", "one", "-1", " 1"})
    EXPECT_FALSE(read(key::io_threads, std::string(text))) << text;
  EXPECT_FALSE(read(key::io_threads, true));
  EXPECT_FALSE(read(key::io_threads, 1.5));
}

TEST(value, integer_may_be_a_word_where_the_table_says_so) {
  EXPECT_EQ(get<std::string>(key::concurrency, std::string("AUTO")), "auto");
  EXPECT_EQ(get<std::int64_t>(key::concurrency, std::string("8")), 8);
  EXPECT_FALSE(read(key::concurrency, std::string("most")));
  EXPECT_FALSE(read(key::io_threads, std::string("auto")));
}

TEST(value, number_takes_fractions) {
  EXPECT_EQ(get<double>(key::cpus, std::string("0.5")), 0.5);
  EXPECT_EQ(get<double>(key::cpus, std::int64_t{2}), 2);
  for (const auto* text : {"", "0", "-1", "inf", "nan", "1 core"})
    EXPECT_FALSE(read(key::cpus, std::string(text))) << text;
}

TEST(value, choice_is_one_of_the_words_in_any_case) {
  EXPECT_EQ(get<std::string>(key::log_level, std::string("DEBUG")), "debug");
  const auto bad = read(key::isolation, std::string("bridge"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "isolation: 'bridge' (flag --x) is not acceptable");
  EXPECT_EQ(bad.error().cause, "allowed: one of: namespace, none");
  EXPECT_EQ(bad.error().evidence, (evidence_list{{"setting", std::string("isolation")}}));
}

TEST(value, list_is_a_literal_or_words_between_commas) {
  using list = std::vector<std::string>;
  const auto of = [](const raw_data& raw) { return get<list>(key::extra_hosts, raw); };
  EXPECT_EQ(of(std::string("a, b,")), (list{"a", "b"}));
  EXPECT_EQ(of(std::string(R"(["a", 'b,c',])")), (list{"a", "b,c"}));
  EXPECT_EQ(of(std::string("[]")), list{});
  EXPECT_EQ(of(list{"a"}), list{"a"});
  for (const auto* text : {"[", "[a]", "[\"a\"", "[\"a\" \"b\"]", "[\"a\"] b"})
    EXPECT_FALSE(read(key::extra_hosts, std::string(text))) << text;
  EXPECT_NE(read(key::additional_networks, std::string(R"({"a":1})"))
                .error()
                .cause.find(R"(a list of texts is wanted, such as ["a", "b"])"),
            std::string::npos);
}

TEST(value, truth_has_the_usual_words) {
  EXPECT_TRUE(get<bool>(key::enable_gpu, std::string("Yes")));
  EXPECT_FALSE(get<bool>(key::enable_gpu, false));
  EXPECT_FALSE(read(key::enable_gpu, std::string("perhaps")));
}

TEST(value, path_of_this_machine_becomes_absolute) {
  EXPECT_EQ(get<std::string>(key::state_dir, std::string("s/../t")), "/work/t");
  EXPECT_EQ(get<std::string>(key::state_dir, std::string("~/s")), "/home/u/s");
  EXPECT_EQ(get<std::string>(key::state_dir, std::string("/a")), "/a");
  EXPECT_EQ(get<std::string>(key::state_dir, std::string()), "");
}

TEST(value, path_in_the_sandbox_must_be_absolute) {
  EXPECT_EQ(get<std::string>(key::workspace, std::string("/w")), "/w");
  EXPECT_FALSE(read(key::workspace, std::string("w")));
}

TEST(value, text_is_neither_empty_nor_holds_a_nul_byte) {
  EXPECT_FALSE(read(key::image, std::string()));
  EXPECT_FALSE(read(key::image, std::string("a\0b", 3)));
  EXPECT_FALSE(read(key::image, std::int64_t{3}));
}

TEST(value, volumes_are_separated_by_commas_or_listed) {
  const std::vector<volume> both{{"/a", "/x", false}, {"/work/b", "/y", true}};
  EXPECT_EQ(get<std::vector<volume>>(key::volumes, std::string("/a:/x:rw, ./b:/y:ro")), both);
  EXPECT_EQ(get<std::vector<volume>>(key::volumes, std::vector<std::string>{"/a:/x", "./b:/y:ro"}),
            both);
  EXPECT_EQ(get<std::vector<volume>>(key::volumes, std::string("~/d:/d")),
            (std::vector<volume>{{"/home/u/d", "/d", false}}));
}

TEST(value, two_volumes_of_one_list_have_different_places_inside) {
  const auto clash = read(key::volumes, std::string("/a:/x,/c:/y,/b:/x:ro"));
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().message,
            "volumes: '/a:/x' and '/b:/x:ro' (flag --x) have the same place inside");
  EXPECT_EQ(clash.error().blame, failure_class::task);
  EXPECT_EQ(get<std::vector<volume>>(key::volumes, std::string("/a:/x,/a:/x")).size(), 1U);
}

TEST(value, a_bad_volume_is_named) {
  for (const auto* text : {"", "/a", "/a:b", ":/b", "/a:/b:rx", "/a:/b,"})
    EXPECT_FALSE(read(key::volumes, std::string(text))) << text;
  EXPECT_EQ(read(key::volumes, std::string("/a:/b:rx")).error().message,
            "volumes: '/a:/b:rx' (flag --x) is not acceptable");
}

TEST(value, env_is_pairs_or_a_table_or_a_literal) {
  const text_map expected{{"A", "1"}, {"B", "x=y"}};
  EXPECT_EQ(get<text_map>(key::env, std::string("A=1,B=x=y")), expected);
  EXPECT_EQ(get<text_map>(key::env, std::vector<std::string>{"A=1", "B=x=y"}), expected);
  EXPECT_EQ(get<text_map>(key::env, expected), expected);
  EXPECT_EQ(get<text_map>(key::env, std::string("{'A': 1, \"B\": 'x=y'}")), expected);
}

TEST(value, one_pair_of_a_list_may_hold_commas) {
  EXPECT_EQ(get<text_map>(key::env, std::vector<std::string>{"A=1,2"}), (text_map{{"A", "1,2"}}));
}

TEST(value, a_bad_env_is_never_quoted) {
  for (const auto* text : {"hunter2", "{'A': hunter2", "=hunter2"}) {
    const auto bad = read(key::env, std::string(text));
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().to_string().find("hunter2"), std::string::npos);
  }
}

TEST(value, boolean_takes_the_usual_words) {
  for (const auto* text : {"true", "1", "yes", "ON"})
    EXPECT_TRUE(read_boolean("b", std::string(text), from_flag).value()) << text;
  for (const auto* text : {"false", "0", "no", "Off"})
    EXPECT_FALSE(read_boolean("b", std::string(text), from_flag).value()) << text;
  EXPECT_TRUE(read_boolean("b", true, from_flag).value());
  EXPECT_FALSE(read_boolean("b", std::string("maybe"), from_flag));
}

TEST(merge, replaces_a_plain_value) {
  value held = std::string("a");
  EXPECT_FALSE(merge(held, std::string("b")));
  EXPECT_EQ(held, value(std::string("b")));
}

TEST(merge, lays_env_over_env_by_name) {
  value held = text_map{{"A", "1"}, {"B", "1"}};
  EXPECT_TRUE(merge(held, text_map{{"B", "2"}}));
  EXPECT_EQ(held, value(text_map{{"A", "1"}, {"B", "2"}}));
  EXPECT_FALSE(merge(held, text_map{{"A", "3"}, {"B", "3"}}));
}

TEST(merge, lays_volumes_over_volumes_by_the_path_inside) {
  value held = std::vector<volume>{{"/a", "/x", false}, {"/b", "/y", false}};
  EXPECT_TRUE(merge(held, std::vector<volume>{{"/c", "/x", true}}));
  EXPECT_EQ(held, value(std::vector<volume>{{"/b", "/y", false}, {"/c", "/x", true}}));
}

TEST(map_literal, is_read_as_json_and_as_python_write_it) {
  EXPECT_EQ(read_map_literal("{}").value(), text_map{});
  EXPECT_EQ(read_map_literal(" { 'a' : \"b\" , \"c\":'d', } ").value(),
            (text_map{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(read_map_literal("{'n': 1, 't': True}").value(), (text_map{{"n", "1"}, {"t", "True"}}));
}

TEST(object_literal, is_read_as_json_and_as_python_write_it) {
  EXPECT_EQ(read_object_literal("{}").value(), text_map{});
  EXPECT_EQ(read_object_literal(R"({'a': True, "b": null, 'c': 1.5, "d": [1, 'x', (2, 3), (4)],})")
                .value(),
            (text_map{{"a", "true"}, {"b", "null"}, {"c", "1.5"}, {"d", R"([1,"x",[2,3],4])"}}));
  EXPECT_EQ(read_object_literal(R"({"a": {80: -1, 'q': "\"\\\u0001"}})").value(),
            (text_map{{"a", R"({"80":-1,"q":"\"\\\u0001"})"}}));
  for (const char* text : {"", "[]", "{'a'}", "{'a': }", "{'a': b}", "{'a': 1} x", "{'a': [1 2]}",
                           "{'a': 1, 'a': 2}", "{'a': (1, }", "{'a': inf}"})
    EXPECT_FALSE(read_object_literal(text)) << text;
  EXPECT_FALSE(read_object_literal("{'a': " + std::string(100, '[') + std::string(100, ']') + "}"));
}

TEST(map_literal, knows_escapes) {
  EXPECT_EQ(read_map_literal(R"({"a": "\n\t\"\\\/", 'b': '\'\x41\u20ac\ud83d\ude00'})").value(),
            (text_map{{"a", "\n\t\"\\/"}, {"b", "'A\xE2\x82\xAC\xF0\x9F\x98\x80"}}));
}

TEST(map_literal, says_where_it_is_wrong) {
  EXPECT_EQ(read_map_literal("{'a' 'b'}").error().message, "':' expected at character 6");
  for (const auto* text :
       {"", "{", "{'a'}", "{'a':}", "{'a': 'b'", "{'a': 'b'} x", "{a: 'b'}", "{'a': {}}",
        "{'a': 'b' 'c': 'd'}", "{'a': '\\q'}", "{'a': '\\x4'}", "{'a': '\\ud800'}",
        "{'a': '\\ud800\\u0041'}", "{'a': '1', 'a': '2'}", "{'a': 'b", "{,}", "['a']"})
    EXPECT_FALSE(read_map_literal(text)) << text;
}

} // namespace
} // namespace sandfleet::config
