#!/bin/sh
# The real programs that the tests and benches run against: phones, trunks, servers, tools.
# Silent and quick when all are there; installs what is missing where it may.
set -eu

# program:package
WANTED="sipp:sip-tester baresip:baresip-core linphonecsh:linphone-cli linphone-daemon:linphone-cli
kamailio:kamailio rtpengine:rtpengine-daemon sipsak:sipsak tshark:tshark espeak-ng:espeak-ng sox:sox openssl:openssl
taskset:util-linux chromium:chromium npm:npm systemd-analyze:systemd promtool:prometheus"
PATH="$PATH:/usr/sbin:/sbin"

missing=""
for pair in $WANTED; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
ls /usr/lib/*/kamailio/modules/tls.so >/dev/null 2>&1 || missing="$missing kamailio-tls-modules"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing, and not installable by this user (their tests will fail):$missing" >&2
    exit 0
fi

# A package that brings a daemon must not start it: policy-rc.d says so to every maintainer script.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    made=yes
fi
trap '[ -z "$made" ] || rm -f $policy' EXIT
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
