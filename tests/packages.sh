# Debian packages that are missing, for scripts that install what they need: source this, name each
# package with `need`, then `install_packages`.

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

# In a shell of its own, for the trap.
install_packages() (
    [ ${#packages[@]} -gt 0 ] || exit 0
    if [ "$(id -u)" != 0 ] && ! has sudo >/dev/null; then
        echo "missing, and to be installed by root: apt-get install ${packages[*]}" >&2
        exit 1
    fi
    echo "apt-get install ${packages[*]}"
    # Their services stay stopped: the only servers that run are those that are started on purpose.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends "${packages[@]}" >/dev/null
)

# Tells whether a folder was made from these very things.
is_made_from() {
    [ "$(cat "$1/.made-from" 2>/dev/null)" = "$2" ]
}
