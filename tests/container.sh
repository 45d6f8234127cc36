#!/usr/bin/env bash
# Builds the Dockerfile for real, where there is neither a container engine nor a registry of
# images: with buildah, on base images made of Debian's packages and of this machine's Rust. Then
# runs the image's command as process 1, and checks what users of a container rely on.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "container: needs root, which makes file systems and enters them" >&2
  exit 1
fi

missing=()
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

work=$(mktemp -d)
export STORAGE_DRIVER=vfs
build() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }
pid=
clean_up() {
  # Process 1 has another user than `unshare`, and does not end with it.
  [ -z "$pid" ] || pkill -KILL -P "$pid" || true
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  build umount --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT

say() { printf '%s\n' "container: $*"; }

say "base images"
debootstrap --variant=minbase --include=ca-certificates bookworm "$work/debian" >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log"; exit 1; }
cp /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/"
base=$(build from scratch)
build add -q "$base" "$work/debian" / >/dev/null
build config --cmd /bin/bash "$base"
build commit -q "$base" docker.io/library/debian:bookworm-slim >/dev/null

rust=$(build from --pull-never docker.io/library/debian:bookworm-slim)
build run --isolation chroot "$rust" -- sh -c 'apt-get update -qq &&
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev' \
  >"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
build add -q "$rust" "$(rustc --print sysroot)" /usr/local/rust >/dev/null
build config --env PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$rust"
build commit -q "$rust" docker.io/library/rust:1-bookworm >/dev/null

say "the Dockerfile"
build bud --format docker --isolation chroot --pull-never -t fanfare . >"$work/log" 2>&1 ||
  { tail -n 40 "$work/log"; exit 1; }

config=$(build inspect --type image fanfare)
history=file:///var/lib/fanfare/history.redb
for part in '"3000/tcp"' '"fanfare"' '"health"' '"User": "fanfare"' \
  "\"FANFARE_HISTORY=$history\"" '"/var/lib/fanfare"'; do
  grep -q -- "$part" <<<"$config" || { say "the image lacks $part"; exit 1; }
done

say "process 1"
root=$(build mount "$(build from --pull-never fanfare)")
# debian:bookworm-slim has 75 MB: the image stays under 100.
added=$(($(du -sm "$root" | cut -f 1) - $(du -sm "$work/debian" | cut -f 1)))
[ "$added" -lt 25 ] || { say "the image adds $added MB to its base"; exit 1; }
uid=$(chroot "$root" id -u fanfare)
[ "$uid" -ne 0 ] || { say "it runs as root"; exit 1; }
port=3917
mkfifo "$work/stderr"
start() {
  PORT=$port FANFARE_HISTORY=$history unshare --pid --fork --kill-child \
    chroot --userspec="$uid:$uid" "$root" fanfare serve 2>"$work/stderr" &
  pid=$!
  # The line that says that it listens. Nobody reads the log after it, and the hub does not mind.
  grep -m 1 "Events service started at http://localhost:$port" <"$work/stderr" >/dev/null
}
stop() {
  # `unshare` waits for its child, which is process 1 in there.
  kill -TERM "$(pgrep -P "$pid")"
  wait "$pid" || { say "it ended with $? on SIGTERM"; exit 1; }
  pid=
}
start
PORT=$port chroot "$root" fanfare health
curl -sf -d message=hello "http://127.0.0.1:$port/send-event"
echo
stop
say "the same volume again"
start
# A stream has no end: it is curl's time that is over.
replayed=$(curl -sN -m 2 "http://127.0.0.1:$port/events?lastEventID=earliest" || true)
grep -q '"message":"hello"' <<<"$replayed" || { say "what was published before is gone"; exit 1; }
stop
say "ok; the binary has $(stat -c %s "$root/usr/local/bin/fanfare") bytes"
