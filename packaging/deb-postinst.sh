#!/bin/sh
# After an upgrade of the package: a server of the unit that runs goes on with the new program.
set -e

[ "$1" = configure ] && [ -d /run/systemd/system ] || exit 0
systemctl daemon-reload || true
[ -n "$2" ] && systemctl --quiet is-active nfsrdma-server || exit 0
process=$(systemctl show --property MainPID --value nfsrdma-server)
for socket in /run/nfsrdma/control/"$process"-*.sock; do
    # One that cannot be asked, as it was started with another --control, is restarted.
    nfsrdma upgrade "$socket" || systemctl try-restart nfsrdma-server || true
done
