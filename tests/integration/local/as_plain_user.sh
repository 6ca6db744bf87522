#!/bin/sh
# Runs a test program as a user without any privilege; exit status 77 where that cannot be done.
set -eu

skip() {
  echo "skipped: $1"
  exit 77
}

[ "$(id -u)" = 0 ] || skip "this user is plain already: the tests themselves ran as one"
command -v setpriv >/dev/null || skip "setpriv (util-linux) is not installed"
plain="setpriv --reuid=65534 --regid=65534 --clear-groups"
$plain test -x "$1" || skip "a plain user cannot reach $1"
$plain unshare --user true || skip "a plain user may not make user namespaces here"
exec $plain "$@"
