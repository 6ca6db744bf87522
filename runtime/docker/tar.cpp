#include "runtime/docker/tar.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <memory>

namespace sandfleet::docker {

namespace {

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t size) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

} // namespace

result<std::string> make_tar(const std::vector<tar_file>& files, tar_compression how) {
  std::string made;
  const std::unique_ptr<archive, int (*)(archive*)> out(::archive_write_new(),
                                                        &::archive_write_free);
  const auto broken = [&] {
    const char* why = ::archive_error_string(out.get());
    return fail(make_error(errc::internal, "an archive cannot be made")
                    .with_cause(why != nullptr ? why : ""));
  };
  ::archive_write_set_format_pax_restricted(out.get());
  ::archive_write_set_bytes_per_block(out.get(), 0);
  if (how == tar_compression::gzip) {
    ::archive_write_add_filter_gzip(out.get());
    ::archive_write_set_filter_option(out.get(), "gzip", "timestamp", nullptr);
  }
  if (::archive_write_open(out.get(), &made, nullptr, &append, nullptr) != ARCHIVE_OK)
    return broken();
  for (const auto& file : files) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(::archive_entry_new(),
                                                                         &::archive_entry_free);
    ::archive_entry_set_pathname(entry.get(), file.path.c_str());
    ::archive_entry_set_filetype(entry.get(), file.path.ends_with('/') ? AE_IFDIR : AE_IFREG);
    ::archive_entry_set_perm(entry.get(), static_cast<__LA_MODE_T>(file.mode));
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.bytes.size()));
    if (::archive_write_header(out.get(), entry.get()) != ARCHIVE_OK ||
        ::archive_write_data(out.get(), file.bytes.data(), file.bytes.size()) !=
            static_cast<la_ssize_t>(file.bytes.size()))
      return broken();
  }
  if (::archive_write_close(out.get()) != ARCHIVE_OK)
    return broken();
  return made;
}

} // namespace sandfleet::docker
