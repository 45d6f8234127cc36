#!/bin/bash
# Installs what Fanfare is compared to, on a Debian 12 that has cargo: nginx with nchan, and Node
# with the packages of benches/express. Where everything is there it changes nothing, and needs
# neither root nor a network.

set -euo pipefail
cd "$(dirname "$0")/express"
. ../../tests/packages.sh

need nginx-light has nginx
need libnginx-mod-nchan test -e /usr/lib/nginx/modules/ngx_nchan_module.so
need nodejs has node
need npm has npm
need python3 has python3

install_packages

from=$(node --version && cat package.json package-lock.json)
if ! is_made_from node_modules "$from"; then
    echo "install-peers: npm ci in benches/express"
    npm ci --loglevel=error >/dev/null
    echo "$from" >node_modules/.made-from
fi

echo "install-peers: everything is there"
