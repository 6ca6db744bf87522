#include "runtime/journal/store.hpp"

#include <array>
#include <cerrno>
#include <sys/stat.h>
#include <utility>

namespace sandfleet::journal {

namespace {

using std::chrono::milliseconds;

/// Never changed once they are released: a change is one more.
constexpr std::array<std::string_view, 1> migrations = {R"(
CREATE TABLE sandboxes (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL, owner TEXT NOT NULL, provider TEXT NOT NULL,
  image TEXT NOT NULL, request BLOB NOT NULL, session_key BLOB NOT NULL, state TEXT NOT NULL,
  verdict TEXT NOT NULL, restarts INTEGER NOT NULL, restart_reasons TEXT NOT NULL,
  created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL, expires_ms INTEGER, ended_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX sandboxes_alive ON sandboxes (created_ms) WHERE ended_ms IS NULL;
CREATE INDEX sandboxes_ended ON sandboxes (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE statuses (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, old TEXT NOT NULL,
  new TEXT NOT NULL, verdict TEXT NOT NULL, at_ms INTEGER NOT NULL
);
CREATE INDEX statuses_of ON statuses (id, number);
CREATE TABLE actions (
  id TEXT NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  begun_ms INTEGER NOT NULL, ended_ms INTEGER, status INTEGER NOT NULL, PRIMARY KEY (id, key)
) WITHOUT ROWID;
CREATE INDEX actions_begun ON actions (begun_ms);
)"};

constexpr std::string_view sandbox_columns =
    "id, session_id, owner, provider, image, request, session_key, state, verdict, restarts, "
    "restart_reasons, created_ms, used_ms, expires_ms, ended_ms";

std::int64_t to_ms(time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

column to_ms(const std::optional<time_point>& at) {
  return at ? column(to_ms(*at)) : column();
}

time_point time_of(const row_view& row, int index) {
  return time_point(milliseconds(row.integer(index)));
}

std::optional<time_point> maybe_time_of(const row_view& row, int index) {
  return row.is_null(index) ? std::nullopt : std::optional(time_of(row, index));
}

result<void> dropped(result<std::int64_t> changed) {
  if (!changed)
    return fail(std::move(changed.error()));
  return {};
}

} // namespace

result<store> store::open(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errno_error(errc::io_error, "cannot make '" + directory + "'", errno)
                    .with_hint("choose another directory by the setting state_dir"));
  auto db = database::open(directory + "/journal.db", migrations);
  if (!db)
    return fail(std::move(db.error()));
  auto seals = sealer::open(directory + "/journal.key");
  if (!seals)
    return fail(std::move(seals.error()));
  return store(std::move(*db), std::move(*seals));
}

result<void> store::put(const sandbox_row& row) {
  const auto& id = row.id.str();
  const std::array<column, 15> values = {id,
                                         row.session_id,
                                         row.owner,
                                         row.provider.str(),
                                         row.image,
                                         seals_.seal(row.request, id + "/request"),
                                         seals_.seal(row.session_key, id + "/session_key"),
                                         row.state,
                                         row.verdict,
                                         row.restarts,
                                         row.restart_reasons,
                                         to_ms(row.created),
                                         to_ms(row.used),
                                         to_ms(row.expires),
                                         to_ms(row.ended)};
  static const auto sql = "INSERT OR REPLACE INTO sandboxes (" + std::string(sandbox_columns) +
                          ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                          "?15)";
  return dropped(db_.run(sql, values));
}

result<void> store::note(const status_row& row) {
  return db_.atomically([&]() -> result<void> {
    const std::array<column, 5> change = {row.id.str(), row.from, row.to, row.verdict,
                                          to_ms(row.at)};
    auto noted = dropped(db_.run(
        "INSERT INTO statuses (id, old, new, verdict, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)", change));
    if (!noted)
      return noted;
    const std::array<column, 3> state = {row.id.str(), row.to, row.verdict};
    return dropped(db_.run("UPDATE sandboxes SET state = ?2, verdict = ?3 WHERE id = ?1", state));
  });
}

result<void> store::touch(const sandbox_id& id, time_point used) {
  const std::array<column, 2> values = {id.str(), to_ms(used)};
  return dropped(db_.run("UPDATE sandboxes SET used_ms = ?2 WHERE id = ?1", values));
}

result<void> store::begin(const action_row& row) {
  const std::array<column, 5> values = {row.id.str(), row.key, row.method, row.path,
                                        to_ms(row.begun)};
  return dropped(db_.run("INSERT OR REPLACE INTO actions (id, key, method, path, begun_ms, status) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, 0)",
                         values));
}

result<void> store::end(const action_row& row) {
  const std::array<column, 4> values = {row.id.str(), row.key, to_ms(row.ended), row.status};
  return dropped(
      db_.run("UPDATE actions SET ended_ms = ?3, status = ?4 WHERE id = ?1 AND key = ?2", values));
}

result<std::vector<sandbox_row>> store::read_sandboxes(std::string_view sql,
                                                       std::span<const column> values) {
  std::vector<sandbox_row> found;
  std::optional<error> unreadable;
  const auto unsealed = [&](const row_view& row, int index, const std::string& context) {
    auto text = seals_.unseal(row.text(index), context);
    if (!text)
      unreadable = std::move(text.error());
    return text.value_or(std::string());
  };
  auto asked = db_.query(sql, values, [&](const row_view& row) {
    auto& one = found.emplace_back();
    const auto id = row.text(0);
    one.id = sandbox_id(id);
    one.session_id = row.text(1);
    one.owner = row.text(2);
    one.provider = provider_name(row.text(3));
    one.image = row.text(4);
    one.request = unsealed(row, 5, id + "/request");
    one.session_key = unsealed(row, 6, id + "/session_key");
    one.state = row.text(7);
    one.verdict = row.text(8);
    one.restarts = row.integer(9);
    one.restart_reasons = row.text(10);
    one.created = time_of(row, 11);
    one.used = time_of(row, 12);
    one.expires = maybe_time_of(row, 13);
    one.ended = maybe_time_of(row, 14);
  });
  if (!asked)
    return fail(std::move(asked.error()));
  if (unreadable)
    return fail(std::move(*unreadable));
  return found;
}

result<std::optional<sandbox_row>> store::find(const sandbox_id& id) {
  const std::array<column, 1> values = {id.str()};
  static const auto sql =
      "SELECT " + std::string(sandbox_columns) + " FROM sandboxes WHERE id = ?1";
  auto found = read_sandboxes(sql, values);
  if (!found)
    return fail(std::move(found.error()));
  return found->empty() ? std::nullopt : std::optional(std::move(found->front()));
}

result<std::vector<sandbox_row>> store::sandboxes(bool ended) {
  static const auto all =
      "SELECT " + std::string(sandbox_columns) + " FROM sandboxes ORDER BY created_ms, id";
  static const auto alive = "SELECT " + std::string(sandbox_columns) +
                            " FROM sandboxes WHERE ended_ms IS NULL ORDER BY created_ms, id";
  return read_sandboxes(ended ? all : alive, {});
}

namespace {

/// The columns number, id, old, new, verdict, at_ms.
status_row status_of(const row_view& row) {
  return {row.integer(0), sandbox_id(row.text(1)), row.text(2), row.text(3),
          row.text(4),    time_of(row, 5)};
}

} // namespace

result<std::vector<owned_status>> store::history_of(const std::string& owner, const std::string& id,
                                                    std::int64_t number, std::int64_t limit) {
  std::vector<owned_status> found;
  const std::array<column, 4> values = {owner, id, number, limit};
  auto asked = db_.query(
      "SELECT number, s.id, old, new, s.verdict, at_ms, session_id FROM statuses s JOIN sandboxes "
      "b "
      "ON b.id = s.id WHERE owner = ?1 AND (?2 = '' OR s.id = ?2) AND number > ?3 ORDER BY number "
      "LIMIT ?4",
      values, [&](const row_view& row) {
        found.push_back({status_of(row), row.text(6)});
      });
  if (!asked)
    return fail(std::move(asked.error()));
  return found;
}

result<std::int64_t> store::latest_status() {
  std::int64_t found = 0;
  auto asked = db_.query("SELECT max(number) FROM statuses", {},
                         [&](const row_view& row) { found = row.is_null(0) ? 0 : row.integer(0); });
  if (!asked)
    return fail(std::move(asked.error()));
  return found;
}

result<std::vector<status_row>> store::history(const sandbox_id& id, std::int64_t number,
                                               std::int64_t limit) {
  std::vector<status_row> found;
  const std::array<column, 3> values = {id.str(), number, limit};
  auto asked = db_.query("SELECT number, id, old, new, verdict, at_ms FROM statuses WHERE "
                         "(?1 = '' OR id = ?1) AND number > ?2 ORDER BY number LIMIT ?3",
                         values, [&](const row_view& row) { found.push_back(status_of(row)); });
  if (!asked)
    return fail(std::move(asked.error()));
  return found;
}

result<std::optional<action_row>> store::action(const sandbox_id& id, const std::string& key) {
  std::optional<action_row> found;
  const std::array<column, 2> values = {id.str(), key};
  auto asked = db_.query(
      "SELECT method, path, begun_ms, ended_ms, status FROM actions WHERE id = ?1 AND key = ?2",
      values, [&](const row_view& row) {
        found = action_row{id,
                           key,
                           row.text(0),
                           row.text(1),
                           time_of(row, 2),
                           maybe_time_of(row, 3),
                           row.integer(4)};
      });
  if (!asked)
    return fail(std::move(asked.error()));
  return found;
}

result<std::int64_t> store::retain(const retention& what, time_point now) {
  const std::array<column, 1> before = {to_ms(now - what.age)};
  const std::array<column, 1> most = {what.most_rows};
  std::int64_t gone = 0;
  const auto drop = [&](std::string_view sql, std::span<const column> values) -> result<void> {
    auto dropped_rows = db_.run(sql, values);
    if (!dropped_rows)
      return fail(std::move(dropped_rows.error()));
    gone += *dropped_rows;
    return {};
  };
  auto done = db_.atomically([&]() -> result<void> {
    for (const auto& [sql, values] :
         {std::pair("DELETE FROM sandboxes WHERE ended_ms < ?1", std::span<const column>(before)),
          {"DELETE FROM sandboxes WHERE id IN (SELECT id FROM sandboxes WHERE ended_ms IS NOT NULL "
           "ORDER BY ended_ms DESC LIMIT -1 OFFSET ?1)",
           most},
          {"DELETE FROM statuses WHERE at_ms < ?1 AND id NOT IN (SELECT id FROM sandboxes)",
           before},
          {"DELETE FROM statuses WHERE number <= (SELECT MAX(number) FROM statuses) - ?1", most},
          {"DELETE FROM actions WHERE begun_ms < ?1 AND ended_ms IS NOT NULL", before},
          {"DELETE FROM actions WHERE id NOT IN (SELECT id FROM sandboxes WHERE ended_ms IS NULL) "
           "AND begun_ms < ?1",
           before}})
      if (auto dropped_rows = drop(sql, values); !dropped_rows)
        return dropped_rows;
    return {};
  });
  if (!done)
    return fail(std::move(done.error()));
  return gone;
}

} // namespace sandfleet::journal
