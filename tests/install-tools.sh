#!/bin/bash
# Installs what the tests need on a Debian 12 that has cargo: packages that are missing, and the
# client libraries of tests/clients. Where everything is there it changes nothing, and needs
# neither root nor a network.

set -euo pipefail
cd "$(dirname "$0")/clients"
. ../packages.sh

need gcc has cc
# The compiler answers with the file's path if it finds it, and else with the bare name.
# libFuzzer is C++.
need g++ has c++
need libc6-dev test -e "$(cc -print-file-name=crt1.o 2>/dev/null)"
need make has make
need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
need curl has curl
need openssl has openssl
need nodejs has node
need npm has npm
need python3 has python3
need python3-venv python3 -c 'import ensurepip, venv'
need chromium has chromium
need chromium-driver has chromedriver
need firefox-esr has firefox-esr
# Without a font a browser has nothing to show text with.
need fonts-dejavu-core test -n "$(find /usr/share/fonts -name '*.ttf' -print -quit 2>/dev/null)"
need python3-yaml python3 -c 'import yaml'
need systemd has systemd-analyze
need nginx-light has nginx
need haproxy has haproxy
need caddy has caddy
need redis-server has redis-server
need iproute2 has ip
need procps has ps
need man-db has man
need util-linux has nsenter
need mount has mount
need bsdutils has script

install_packages

from=$(node --version && cat package.json package-lock.json)
if ! is_made_from node_modules "$from"; then
    echo "install-tools: npm ci in tests/clients"
    npm ci --loglevel=error >/dev/null
    echo "$from" >node_modules/.made-from
fi

from=$(python3 --version && cat requirements.txt)
if ! is_made_from .venv "$from"; then
    echo "install-tools: pip install into tests/clients/.venv"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
    echo "$from" >.venv/.made-from
fi

echo "install-tools: cargo build in tests/clients/mercure"
cargo build --quiet --locked --manifest-path mercure/Cargo.toml --target-dir mercure/target

echo "install-tools: everything is there"
