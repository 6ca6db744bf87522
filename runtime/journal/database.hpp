#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace sandfleet::journal {

/// What a column can hold: nothing, a whole number, text or bytes.
using column = std::variant<std::monostate, std::int64_t, std::string>;

/// One row that a query found, valid while it is being looked at.
class row_view {
 public:
  explicit row_view(sqlite3_stmt* at) : at_(at) {}

  [[nodiscard]] std::int64_t integer(int index) const; ///< 0 for nothing
  [[nodiscard]] std::string text(int index) const;     ///< empty for nothing
  [[nodiscard]] bool is_null(int index) const;

 private:
  sqlite3_stmt* at_;
};

/// A SQLite file in WAL mode: what was written is there after the death of this process, at any
/// moment. For one thread at a time. Errors: `io_error`, with what SQLite says as the cause, and
/// what to do about a file that is damaged, in use or of a newer program.
class database {
 public:
  /// Makes the file, for this user alone, when it is missing, and brings it to the newest of
  /// `migrations`: SQL of version 1, 2, ...; each is applied once, whole or not at all. Fails when
  /// the file is of a later version, or when another process has it open.
  static result<database> open(const std::string& path,
                               std::span<const std::string_view> migrations);

  database(database&&) noexcept;
  database& operator=(database&&) noexcept;
  ~database();

  /// Runs one statement that gives no rows; how many rows it changed.
  result<std::int64_t> run(std::string_view sql, std::span<const column> values = {});
  /// Runs one statement and shows each row.
  result<void> query(std::string_view sql, std::span<const column> values,
                     const std::function<void(const row_view&)>& on_row);
  /// Runs `work` within one transaction, which a failure of it takes back.
  result<void> atomically(const std::function<result<void>()>& work);

 private:
  struct closer {
    void operator()(sqlite3* handle) const;
  };
  struct statement_closer {
    void operator()(sqlite3_stmt* statement) const;
  };
  using statement = std::unique_ptr<sqlite3_stmt, statement_closer>;

  database(std::unique_ptr<sqlite3, closer> handle, std::string path);
  result<void> migrate(std::span<const std::string_view> migrations);
  result<void> run_script(const std::string& sql);
  result<sqlite3_stmt*> prepare(std::string_view sql, std::span<const column> values);
  [[nodiscard]] error failed(std::string_view what) const;

  std::unique_ptr<sqlite3, closer> handle_;
  std::string path_;
  std::vector<std::pair<std::string, statement>> prepared_; ///< each text once
};

} // namespace sandfleet::journal
