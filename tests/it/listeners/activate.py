"""Starts a hub as systemd does: with sockets that it has not opened itself, twice in a row.

Arguments: `tcp`, or the path of a Unix socket, for each; then the hub."""

import fcntl, os, signal, socket, subprocess, sys

*places, hub = sys.argv[1:]


def listening(place):
    if place == "tcp":
        return socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(place)
    unix.listen()
    return unix


sockets = [listening(place) for place in places]
# Out of the way, and then to where they are looked for: 3 and after.
moved = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in sockets]
inherited = [os.dup2(one, 3 + index) for index, one in enumerate(moved)]
script = f'LISTEN_PID=$$ LISTEN_FDS={len(inherited)} exec "$0" serve'
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
for _ in range(2):
    # It ends with this process, should a test kill it.
    start = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", script, hub]
    child = subprocess.Popen(start, pass_fds=inherited)
    if code := child.wait():
        sys.exit(code)
