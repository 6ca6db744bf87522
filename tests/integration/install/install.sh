#!/usr/bin/env bash
# install.sh BUILD_DIR: installs into a directory of its own, builds a program against that with
# find_package(sandfleet), and runs it.
set -euo pipefail

build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=$(mktemp -d /tmp/sandfleet-install-XXXXXX)
trap 'rm -rf "$place"' EXIT
prefix=$place/prefix

cmake --install "$build" --prefix "$prefix" >"$place/log" || { cat "$place/log"; exit 1; }
for file in bin/sandfleet libexec/sandfleet/sandfleet-agent libexec/sandfleet/sandfleet-launcher \
  include/sandfleet/engine.hpp share/man/man1/sandfleet.1.gz \
  share/bash-completion/completions/sandfleet share/zsh/vendor-completions/_sandfleet \
  share/fish/vendor_completions.d/sandfleet.fish; do
  [ -s "$prefix/$file" ] || { echo "$file is missing"; exit 1; }
done

# Nothing of the source or build tree may be seen through the package.
if grep -rl "$(dirname "$here")\|$build" "$prefix"/lib*; then
  echo "these name directories of the build"
  exit 1
fi

cmake -S "$here/consumer" -B "$place/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Debug "${@:2}" >"$place/log" || { cat "$place/log"; exit 1; }
cmake --build "$place/consumer" >"$place/log" || { cat "$place/log"; exit 1; }
[ "$("$place/consumer/consumer" "$place/state")" = "installed: 42" ]

# The installed command line finds its own programs.
[ "$(SANDFLEET_STATE_DIR=$place/state "$prefix/bin/sandfleet" run -- echo in a sandbox)" = "in a sandbox" ]
echo "installed, built against, run"
