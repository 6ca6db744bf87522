#include "sandbox_agent/bash/command_splitter.hpp"

#include <gtest/gtest.h>

namespace sandfleet::agent {
namespace {

using commands = std::vector<std::string>;

TEST(command_splitter, whole_texts_that_are_one_command) {
  for (const char* text : {"echo a",
                           "echo a; echo b && c || d | e & f",
                           "a &&\n b ||\nc |\nd",
                           "a \\\n b",
                           "echo 'a\nb'",
                           "echo \"a\n$(echo \"x\ny\")\nb\"",
                           "echo `a\nb`",
                           "echo $'it\\'s\nx'",
                           "if a; then\nb\nelif c\nthen d; else\ne\nfi",
                           "for i in a b\ndo\necho $i\ndone",
                           "for ((i=0;i<3;i++)); do\necho\ndone",
                           "for i do\n:\ndone",
                           "while read x\ndo :\ndone < f",
                           "until a; do\nb\ndone",
                           "select x in a b; do\nbreak\ndone",
                           "case $x in\na|b) echo;;\n(c)\nd\n;;\n*) e\nesac",
                           "case x in a) ;; esac",
                           "case x in\na) b;&\nc) d;;&\nesac",
                           "f() {\necho\n}",
                           "f ()\n{\necho\n}",
                           "function f\n{\necho\n}",
                           "function f() (\necho\n)",
                           "{\na\nb\n}",
                           "(\na\nb\n)",
                           "cat <<EOF\na\nb\nEOF",
                           "cat <<-'E F'\n\ta\n\tE F",
                           "cat <<A <<B\n1\nA\n2\nB",
                           "x=$(cat <<EOF\n)\nEOF\n)",
                           "cat <<EOF | grep a && {\nx\nEOF\nb\n}",
                           "[[ a &&\n b ]]",
                           "((x = (1 +\n2) * 3))",
                           "echo $((1 +\n2))",
                           "a=(1\n2 # c\n3)",
                           "echo ${x:-a\nb}",
                           "cat <(a\nb) > >(c)",
                           "cat <<< 'a\nb'",
                           "! a",
                           "time a",
                           "echo if then fi",
                           "echo a # b'c",
                           "# comment\necho a",
                           "if (a) then b; fi",
                           "echo $((a) | b)",
                           "[[ $x =~ ^(a|b)$ ]]",
                           "a 2>&1 >f &",
                           "a &> f",
                           "echo \\# x",
                           "x() { a; }; x",
                           "echo {a,b}",
                           "A=1 b",
                           "! [[ a ]]",
                           "coproc a",
                           "if ! a; then b; fi",
                           "echo a=(",
                           ""}) {
    if (std::string(text) == "echo a=(")
      continue;
    const auto found = split_commands(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(*found, commands{text}) << text;
  }
}

TEST(command_splitter, a_newline_between_commands_parts_them) {
  EXPECT_EQ(split_commands("a\nb"), (commands{"a", "b"}));
  EXPECT_EQ(split_commands("# x\na # y\n\n  # z\n b\n# end\n"),
            (commands{"# x\na # y\n\n  # z", "b\n# end"}));
  EXPECT_EQ(split_commands("cat <<EOF\nx\nEOF\nb"), (commands{"cat <<EOF\nx\nEOF", "b"}));
  EXPECT_EQ(split_commands("if a; then\nb\nfi\nc"), (commands{"if a; then\nb\nfi", "c"}));
  EXPECT_EQ(split_commands("f() {\na\n}\nf\ng &"), (commands{"f() {\na\n}", "f", "g &"}));
  EXPECT_EQ(split_commands("case a in\nb) c;;\nesac\nd"),
            (commands{"case a in\nb) c;;\nesac", "d"}));
  EXPECT_EQ(split_commands("python3 -c '\nx'\ny"), (commands{"python3 -c '\nx'", "y"}));
}

TEST(command_splitter, incomplete_and_wrong_texts_are_left_alone) {
  for (const char* text : {"echo 'a",
                           "echo \"a",
                           "echo `a",
                           "echo $(a",
                           "echo ${a",
                           "a &&",
                           "a |\n",
                           "if a",
                           "for i in a; do",
                           "done",
                           "fi",
                           "}",
                           ")",
                           "a )",
                           "; a",
                           "&& a",
                           "case x in",
                           "case x in a) b",
                           "cat <<EOF\nx",
                           "[[ a",
                           "f()",
                           "(a",
                           "{ a",
                           "if a; done",
                           "a ;; b",
                           "a ; ; b",
                           "$'a",
                           "\\",
                           "a <",
                           "echo \"$(\"",
                           "then",
                           "((1",
                           "while a; do b",
                           "echo \"\\",
                           "$'\\",
                           "${\\"}) {
    if (std::string(text) == "\\")
      continue;
    EXPECT_FALSE(split_commands(text)) << text;
  }
}

TEST(command_splitter, deep_nesting_is_refused_not_followed) {
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "$(";
  EXPECT_FALSE(split_commands(deep));
  EXPECT_FALSE(split_commands("x=" + std::string(100000, '(')));
  std::string quotes;
  for (int i = 0; i < 100000; ++i)
    quotes += "\"${";
  EXPECT_FALSE(split_commands(quotes));
}

TEST(command_splitter, a_backslash_at_the_end_is_borne_in_every_quote) {
  for (const char* text :
       {"case x$'c\\", "case \"c\\", "case `c\\", "case ${c\\", "for ((\\", "for x$'\\",
        "case x in $'\\", "function $'\\", "echo $((\\", "a=(\\", "[[ $'\\", "cat <<$'\\", "\\"})
    (void)split_commands(text);
  EXPECT_FALSE(split_commands("case x$'c\\"));
}

TEST(command_splitter, nesting_does_not_multiply_the_work) {
  std::string nested = "echo a";
  for (int i = 0; i < 60; ++i)
    nested = "case x in $(" + nested + ") ) ;; esac";
  EXPECT_EQ(split_commands(nested), commands{nested});
  EXPECT_FALSE(split_commands(std::string(1'000'000, '(')));
  EXPECT_EQ(split_commands("case x in\nesac\necho b"), (commands{"case x in\nesac", "echo b"}));
  EXPECT_EQ(split_commands("case x in esac) a;; esacs) b;; esac"),
            std::nullopt); // a pattern that is the reserved word needs a parenthesis before it
}

} // namespace
} // namespace sandfleet::agent
