#include "tests/integration/isolation/isolation_fixture.hpp"

#include <ostream>

namespace sandfleet::tests {
namespace {

/// What isolation must leave alone: ordinary programs.
struct program {
  const char* name;   ///< must be installed
  const char* text;   ///< run by sh
  const char* answer; ///< all that it prints
};

std::ostream& operator<<(std::ostream& out, const program& p) {
  return out << p.name;
}

class programs : public isolation_fixture, public ::testing::WithParamInterface<program> {};

TEST_P(programs, work) {
  auto box = start();
  if (!has_program(box, GetParam().name))
    GTEST_SKIP() << GetParam().name << " is not installed";
  EXPECT_EQ(in(box, GetParam().text), GetParam().answer);
}

INSTANTIATE_TEST_SUITE_P(
    everyday, programs,
    ::testing::Values(
        program{"bash", "bash -c 'sleep 0 & wait %1; echo $((6*7)) | tee >(cat >/dev/null)'",
                "42\n"},
        program{"python3",
                "python3 -c 'import concurrent.futures as f\n"
                "if __name__ == \"__main__\":\n"
                "  with f.ThreadPoolExecutor(8) as p: print(sum(p.map(int, range(100))))\n"
                "  with f.ProcessPoolExecutor(2) as p: print(sum(p.map(int, range(100))))'",
                "4950\n4950\n"},
        program{"pip", "pip --version | cut -d' ' -f1", "pip\n"},
        program{"git",
                "git init -q r && cd r && echo a > a && git add a && git -c user.name=n "
                "-c user.email=e commit -qm m && git status --porcelain && git log --format=%s",
                "m\n"},
        program{"gcc",
                "printf '#include <stdio.h>\\nint main(){puts(\"made\");}' > a.c && "
                "gcc a.c -o a && ./a",
                "made\n"},
        program{"gdb",
                "gdb -nx -batch -ex 'break exit' -ex run -ex 'print 6*7' --args /bin/true "
                "2>/dev/null | grep '= 42'",
                "$1 = 42\n"},
        program{"strace", "strace -f -e trace=none -o /dev/null sh -c 'echo traced'", "traced\n"},
        program{"node", "node -e 'console.log(require(\"os\").platform())'", "linux\n"},
        program{"java", "java -XshowSettings:vm -version >/dev/null 2>&1; echo $?", "0\n"},
        program{"perl", "perl -MPOSIX -e 'print fork ? (wait && \"parent\\n\") : \"\"'",
                "parent\n"},
        program{"setarch", "setarch -R true; echo $?", "0\n"}),
    [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace sandfleet::tests
