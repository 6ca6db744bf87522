#!/usr/bin/env bash
# package.sh BUILD_DIR: makes the Debian package, looks into it, installs it into a directory, and
# uses what is there.
set -euo pipefail

build=$1
skipped=77
for program in cpack dpkg dpkg-deb dpkg-shlibdeps; do
  command -v "$program" >/dev/null || { echo "skipped: there is no $program"; exit "$skipped"; }
done
place=$(mktemp -d /tmp/sandfleet-package-XXXXXX)
trap 'rm -rf "$place"' EXIT

(cd "$place" && cpack -G DEB --config "$build/CPackConfig.cmake" -B "$place" >log 2>&1) ||
  { cat "$place/log"; exit 1; }
package=$(echo "$place"/sandfleet_*_"$(dpkg --print-architecture)".deb)
[ -s "$package" ] || { echo "no package was made"; cat "$place/log"; exit 1; }

contents=$(dpkg-deb -c "$package")
for file in ./usr/bin/sandfleet ./usr/libexec/sandfleet/sandfleet-agent \
  ./usr/libexec/sandfleet/sandfleet-launcher ./usr/include/sandfleet/engine.hpp \
  ./usr/share/man/man1/sandfleet.1.gz ./usr/share/bash-completion/completions/sandfleet \
  ./usr/share/zsh/vendor-completions/_sandfleet ./usr/share/doc/sandfleet/copyright \
  ./usr/lib/systemd/system/sandfleet.service ./usr/share/doc/sandfleet/operating.md \
  sandfleet-config.cmake sandfleet-targets.cmake libsandfleet.a; do
  grep -q -- "$file\$" <<<"$contents" || { echo "$file is missing in:"; echo "$contents"; exit 1; }
done
if awk '{ print $2 }' <<<"$contents" | grep -v '^root/root$'; then
  echo "not all belongs to root"
  exit 1
fi
depends=$(dpkg-deb -f "$package" Depends)
for library in libc6 libstdc++6 libcaf-core libspdlog libssl; do
  grep -q "$library" <<<"$depends" || { echo "no $library in: $depends"; exit 1; }
done

# A root of its own, with its own list of packages.
root=$place/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
dpkg --root="$root" --force-not-root --force-depends --log="$place/dpkg.log" -i "$package" \
  >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
dpkg --root="$root" -s sandfleet | grep '^Status: install ok installed$' >/dev/null

export SANDFLEET_STATE_DIR=$place/state
sandfleet=$root/usr/bin/sandfleet
[ "$("$sandfleet" run -- echo in a sandbox)" = "in a sandbox" ]
[ "sandfleet $(dpkg-deb -f "$package" Version)" = "$("$sandfleet" --version)" ]
zcat "$root/usr/share/man/man1/sandfleet.1.gz" | grep '^\.TH SANDFLEET 1' >/dev/null
bash -c "source '$root/usr/share/bash-completion/completions/sandfleet' && complete -p sandfleet" \
  >/dev/null

if command -v systemd-analyze >/dev/null; then
  # The targets that it names are systemd's own, and it calls kill.
  mkdir -p "$root/usr/lib/systemd/system" "$root/bin"
  cp /bin/kill "$root/bin"
  cp -n /lib/systemd/system/*.target "$root/usr/lib/systemd/system/"
  systemd-analyze verify --root="$root" --man=no --recursive-errors=no sandfleet.service
else
  echo "the systemd unit is not looked at: there is no systemd-analyze"
fi

dpkg --root="$root" --force-not-root --log="$place/dpkg.log" -P sandfleet >"$place/log" 2>&1 ||
  { cat "$place/log"; exit 1; }
[ ! -e "$sandfleet" ] || { echo "purging left $sandfleet"; exit 1; }
echo "packaged, installed, used, removed"
