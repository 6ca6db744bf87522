// Writes the filter of policy.hpp to standard output, as initialisers of an array of sock_filter:
// libseccomp takes milliseconds to make it, which no sandbox should wait for.

#include "sandbox_agent/launcher/syscall_filter/policy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <linux/filter.h>
#include <seccomp.h>
#include <string_view>
#include <vector>

namespace policy = sandfleet::launcher::policy;

namespace {

void check(int code, std::string_view what) {
  if (code >= 0 || code == -EEXIST)
    return;
  std::fprintf(stderr, "cannot make the filter: %.*s: error %d\n", static_cast<int>(what.size()),
               what.data(), -code);
  std::exit(1);
}

bool contains(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// The rules for one architecture, added to `filter`, which knows no other.
class rules {
 public:
  rules(scmp_filter_ctx filter, std::uint32_t arch, bool is_native)
      : filter_(filter), arch_(arch), is_native_(is_native) {}

  void add_all() {
    for (int number = 0; number <= policy::newest_reviewed; ++number) {
      char* name = ::seccomp_syscall_resolve_num_arch(arch_, number);
      // Whatever the filter's architecture, rules want this machine's number (or a stand-in).
      if (name != nullptr)
        add(::seccomp_syscall_resolve_name(name), name);
      std::free(name);
    }
  }

 private:
  void add(int number, std::string_view name) {
    if (contains(policy::hidden, name))
      return;
    if (contains(policy::refused, name))
      add(SCMP_ACT_ERRNO(EPERM), number, name);
    else if (name == "clone")
      add_clone(number);
    else if (name == "personality")
      for (const auto value : policy::personalities)
        add_if(SCMP_ACT_ALLOW, number, {0, SCMP_CMP_EQ, value, 0});
    else if (name == "socket" || name == "socketpair" || name == "socketcall")
      add_socket(number);
    else
      add(SCMP_ACT_ALLOW, number, name);
  }

  void add_clone(int number) {
    const unsigned flags = arch_ == SCMP_ARCH_S390X ? 1 : 0;
    std::uint64_t all = 0;
    for (const auto flag : policy::namespace_flags) {
      add_if(SCMP_ACT_ERRNO(EPERM), number, {flags, SCMP_CMP_MASKED_EQ, flag, flag});
      all |= flag;
    }
    add_if(SCMP_ACT_ALLOW, number, {flags, SCMP_CMP_MASKED_EQ, all, 0});
  }

  /// Not for 32-bit programs: theirs may come through socketcall, whose arguments lie in memory.
  void add_socket(int number) {
    if (!is_native_)
      return;
    const auto last = std::ranges::max(policy::socket_families);
    for (std::uint64_t family = 0; family <= last; ++family)
      add_if(contains_number(family) ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EAFNOSUPPORT), number,
             {0, SCMP_CMP_EQ, family, 0});
    add_if(SCMP_ACT_ERRNO(EAFNOSUPPORT), number, {0, SCMP_CMP_GT, last, 0});
  }

  static bool contains_number(std::uint64_t family) {
    return std::ranges::find(policy::socket_families, family) != policy::socket_families.end();
  }

  void add(std::uint32_t action, int number, std::string_view name) {
    check(::seccomp_rule_add(filter_, action, number, 0), name);
  }

  void add_if(std::uint32_t action, int number, const scmp_arg_cmp& condition) {
    check(::seccomp_rule_add_exact_array(filter_, action, number, 1, &condition), "a condition");
  }

  scmp_filter_ctx filter_;
  std::uint32_t arch_;
  bool is_native_;
};

scmp_filter_ctx filter_for(std::uint32_t arch) {
  const auto native = ::seccomp_arch_native();
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  check(::seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)), "other ABIs");
  check(::seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "a binary tree");
  if (arch != native) {
    check(::seccomp_arch_add(filter, arch), "adding an architecture");
    check(::seccomp_arch_remove(filter, native), "removing an architecture");
  }
  rules(filter, arch, arch == native).add_all();
  return filter;
}

/// The architecture whose programs this machine may run beside its own; 0 for none.
std::uint32_t compatible() {
  switch (::seccomp_arch_native()) {
  case SCMP_ARCH_X86_64:
    return SCMP_ARCH_X86;
  case SCMP_ARCH_AARCH64:
    return SCMP_ARCH_ARM;
  default:
    return 0;
  }
}

} // namespace

int main() {
  scmp_filter_ctx filter = filter_for(::seccomp_arch_native());
  if (const auto other = compatible())
    check(::seccomp_merge(filter, filter_for(other)), "merging");
  std::FILE* file = std::tmpfile();
  if (file == nullptr)
    return 1;
  check(::seccomp_export_bpf(filter, ::fileno(file)), "exporting");
  ::seccomp_release(filter);
  check(std::fseek(file, 0, SEEK_SET), "reading back");
  sock_filter code{};
  while (std::fread(&code, sizeof code, 1, file) == 1)
    std::printf("{%u, %u, %u, %u},\n", code.code, code.jt, code.jf, code.k);
  std::fclose(file);
  return 0;
}
