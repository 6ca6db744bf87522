#!/bin/sh
# usage: as_plain_user.sh [--subordinate-ids] PROGRAM [ARGUMENT...]
#
# Runs a test program as a user without any privilege, who has the subordinate ids of a file that is
# bound over /etc/subuid and /etc/subgid, or none; exit status 77 where that cannot be done.
set -eu

skip() {
  echo "skipped: $1"
  exit 77
}

with_ids=no
if [ "$1" = --subordinate-ids ]; then
  with_ids=yes
  shift
fi
[ "$(id -u)" = 0 ] || skip "this user is plain already: the tests themselves ran as one"
command -v setpriv >/dev/null || skip "setpriv (util-linux) is not installed"
plain="setpriv --reuid=65534 --regid=65534 --clear-groups"
$plain test -x "$1" || skip "a plain user cannot reach $1"
$plain unshare --user true || skip "a plain user may not make user namespaces here"
[ -e /etc/subuid ] && [ -e /etc/subgid ] || skip "there is no /etc/subuid to bind over"
[ "$with_ids" = no ] || command -v newuidmap >/dev/null || skip "newuidmap (uidmap) is not installed"
unshare --mount true || skip "mount namespaces may not be made here"
ids=$(mktemp)
chmod 644 "$ids"
[ "$with_ids" = no ] || echo "65534:1877999616:65536" >"$ids"
# The file goes at once: the mounts keep it.
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount sh -euc '
  mount --bind "$1" /etc/subuid
  mount --bind "$1" /etc/subgid
  rm "$1"
  shift
  exec "$@"' sh "$ids" $plain "$@"
