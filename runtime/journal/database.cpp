#include "runtime/journal/database.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sqlite3.h>
#include <unistd.h>

namespace sandfleet::journal {

namespace {

constexpr int busy_patience_ms = 2000;

std::string hint_for(int code, const std::string& path) {
  switch (code & 0xff) {
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return "move '" + path + "' away: what still runs is found again by its labels";
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "another supervisor uses it: stop that, or give this one a state_dir of its own";
  case SQLITE_FULL:
    return "make room on its file system";
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return "it must be in a directory that this user may write to";
  default:
    return {};
  }
}

/// Ends a statement's use, so that the next can begin.
class reset_at_end {
 public:
  explicit reset_at_end(sqlite3_stmt* statement) : statement_(statement) {}
  ~reset_at_end() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  reset_at_end(const reset_at_end&) = delete;
  reset_at_end& operator=(const reset_at_end&) = delete;

 private:
  sqlite3_stmt* statement_;
};

} // namespace

std::int64_t row_view::integer(int index) const {
  return sqlite3_column_int64(at_, index);
}

std::string row_view::text(int index) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(at_, index));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(at_, index));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

bool row_view::is_null(int index) const {
  return sqlite3_column_type(at_, index) == SQLITE_NULL;
}

void database::closer::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

void database::statement_closer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

database::database(std::unique_ptr<sqlite3, closer> handle, std::string path)
    : handle_(std::move(handle)), path_(std::move(path)) {}
database::database(database&&) noexcept = default;
database& database::operator=(database&&) noexcept = default;
database::~database() = default;

error database::failed(std::string_view what) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  return make_error(errc::io_error, "the journal '" + path_ + "': " + std::string(what))
      .with_cause(sqlite3_errmsg(handle_.get()))
      .with_hint(hint_for(code, path_))
      .with("sqlite", std::int64_t{code});
}

result<database> database::open(const std::string& path,
                                std::span<const std::string_view> migrations) {
  // Its keys are nobody else's to read; SQLite gives its other files the same mode.
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made < 0)
    return fail(errno_error(errc::io_error, "cannot open the journal '" + path + "'", errno)
                    .with_hint(hint_for(SQLITE_CANTOPEN, path)));
  ::close(made);
  sqlite3* raw = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database db(std::unique_ptr<sqlite3, closer>(raw), path);
  if (opened != SQLITE_OK)
    return fail(db.failed("it cannot be opened"));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, busy_patience_ms);
  // Exclusive: two supervisors with one journal would each undo what the other does. `normal` loses
  // nothing at the death of a process, and at most the last moment when the machine dies.
  auto set = db.run_script("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; "
                           "PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE; COMMIT;");
  if (!set)
    return fail(std::move(set.error()));
  if (auto moved = db.migrate(migrations); !moved)
    return fail(std::move(moved.error()));
  return db;
}

result<void> database::migrate(std::span<const std::string_view> migrations) {
  std::int64_t version = 0;
  auto asked =
      query("PRAGMA user_version", {}, [&](const row_view& row) { version = row.integer(0); });
  if (!asked)
    return asked;
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (version > newest)
    return fail(make_error(errc::io_error, "the journal '" + path_ + "' is of a newer program")
                    .with_cause("its version is " + std::to_string(version) +
                                ", the newest known " + std::to_string(newest))
                    .with_hint("use that program, or move the file away"));
  for (; version < newest; ++version) {
    const auto script = "BEGIN IMMEDIATE; " +
                        std::string(migrations[static_cast<std::size_t>(version)]) +
                        "; PRAGMA user_version=" + std::to_string(version + 1) + "; COMMIT;";
    if (auto done = run_script(script); !done) {
      (void)run_script("ROLLBACK");
      return done;
    }
  }
  return {};
}

result<void> database::run_script(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return fail(failed("it cannot be set up"));
  return {};
}

result<sqlite3_stmt*> database::prepare(std::string_view sql, std::span<const column> values) {
  auto found = std::ranges::find(prepared_, sql, &std::pair<std::string, statement>::first);
  if (found == prepared_.end()) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
      return fail(failed("a statement is wrong"));
    prepared_.emplace_back(sql, statement(made));
    found = std::prev(prepared_.end());
  }
  auto* at = found->second.get();
  int index = 0;
  for (const auto& value : values) {
    ++index;
    int bound = SQLITE_OK;
    if (const auto* whole = std::get_if<std::int64_t>(&value))
      bound = sqlite3_bind_int64(at, index, *whole);
    else if (const auto* text = std::get_if<std::string>(&value))
      bound =
          sqlite3_bind_text64(at, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    if (bound != SQLITE_OK)
      return fail(failed("a value cannot be stored"));
  }
  return at;
}

result<std::int64_t> database::run(std::string_view sql, std::span<const column> values) {
  auto done = query(sql, values, [](const row_view&) {});
  if (!done)
    return fail(std::move(done.error()));
  return std::int64_t{sqlite3_changes(handle_.get())};
}

result<void> database::query(std::string_view sql, std::span<const column> values,
                             const std::function<void(const row_view&)>& on_row) {
  auto at = prepare(sql, values);
  if (!at)
    return fail(std::move(at.error()));
  const reset_at_end reset(*at);
  for (;;) {
    const int stepped = sqlite3_step(*at);
    if (stepped == SQLITE_DONE)
      return {};
    if (stepped != SQLITE_ROW)
      return fail(failed("a statement failed"));
    on_row(row_view(*at));
  }
}

result<void> database::atomically(const std::function<result<void>()>& work) {
  if (auto begun = run("BEGIN IMMEDIATE"); !begun)
    return fail(std::move(begun.error()));
  auto done = work();
  if (done)
    if (auto committed = run("COMMIT"); !committed)
      done = fail(std::move(committed.error()));
  if (!done)
    (void)run("ROLLBACK");
  return done;
}

} // namespace sandfleet::journal
