#!/bin/bash
# Installs what Fanfare is compared to, on a Debian 12 that has cargo: nginx with nchan, and Node
# with the packages of benches/express. Where everything is there it changes nothing, and needs
# neither root nor a network.

set -euo pipefail
cd "$(dirname "$0")/express"
# Debian keeps servers out of the PATH of those who are not root.
PATH=$PATH:/usr/sbin:/sbin

packages=()

# Names a package, and a command that succeeds where it is not needed: a Node from elsewhere is as
# good as Debian's.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || packages+=("$package")
}

has() {
    command -v "$1"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

need nginx-light has nginx
need libnginx-mod-nchan test -e /usr/lib/nginx/modules/ngx_nchan_module.so
need nodejs has node
need npm has npm
need python3 has python3

if [ ${#packages[@]} -gt 0 ]; then
    echo "install-peers: apt-get install ${packages[*]}"
    # Their services stay stopped: the only servers that run are those that a run starts.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

from=$(node --version && cat package.json package-lock.json)
if [ "$(cat node_modules/.made-from 2>/dev/null)" != "$from" ]; then
    echo "install-peers: npm ci in benches/express"
    npm ci --loglevel=error >/dev/null
    echo "$from" >node_modules/.made-from
fi

echo "install-peers: everything is there"
