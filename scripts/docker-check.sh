#!/usr/bin/env bash
# Builds both images and runs examples/docker/compose.yaml for real, with podman: stops one node,
# then the other, pauses one, and sees the client go on. Prints what it measured; exit code 0 if all
# held.
#
#   scripts/docker-check.sh          on a base image made here, from Debian's packages and this Node
#   BASE=pull scripts/docker-check.sh    on the official node:20-slim
#
# Needs root on Debian, and:
#   apt-get install --no-install-recommends podman buildah runc netavark aardvark-dns iptables \
#     docker-compose debootstrap
# Takes some minutes and 3 GB in $TMPDIR, which it deletes. Images, networks and firewall are its
# own: nothing of this machine's is touched, and port 8080 may be in use.
set -euo pipefail

cd "$(dirname "$0")/.."

for tool in podman buildah runc iptables docker-compose debootstrap; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; see the top of $0" >&2; exit 2; }
done

work=$(mktemp -d)
service='' checks=''
compose() { docker-compose -p dshackle-check -f examples/docker/compose.yaml "$@"; }
cleanup() {
  status=$?
  trap - EXIT
  if [ -n "$service" ]; then
    if [ $status -ne 0 ]; then compose logs --no-color --tail 50 || true; fi
    compose down --volumes >"$work/down.log" 2>&1 || cat "$work/down.log"
  fi
  for process in $checks $service; do kill "$process" 2>/dev/null || true; done
  podman rm --all --force >/dev/null 2>&1 || true
  wait
  rm -rf "$work"
  [ $status -eq 0 ] && echo 'all held' || echo "failed (exit code $status)"
  exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() { echo "FAILED: $*" >&2; exit 1; }
step() { echo; echo "== $*"; }

# A podman of its own. vfs and runc also work where overlays and crun do not; the limits are within
# what a machine allows that is itself a container.
cat >"$work/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$work/storage"
runroot = "$work/run"
END
cat >"$work/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/tmp"
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
END
mkdir -p "$work/networks" "$work/tmp" "$work/cache"
# Where builds keep their caches.
export TMPDIR="$work/cache"
export CONTAINERS_STORAGE_CONF="$work/storage.conf" CONTAINERS_CONF="$work/containers.conf"
export DOCKER_HOST="unix://$work/podman.sock"

if [ "${BASE:-make}" = pull ]; then
  step 'pull node:20-slim'
  podman pull docker.io/library/node:20-slim
else
  step 'make node:20-slim'
  root="$work/root"
  # shellcheck disable=SC2016 # apt-get's own variable
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' |
    head -n 1)
  nice -n 15 debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" \
    >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; fail 'debootstrap'; }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  chroot "$root" groupadd --gid 1000 node
  chroot "$root" useradd --uid 1000 --gid node --create-home node
  npm_folder=$(npm root --global 2>/dev/null)/npm
  mkdir -p "$root/usr/local/lib/node_modules"
  cp "$(command -v node)" "$root/usr/local/bin/node"
  cp -a "$npm_folder" "$root/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # Whom this machine trusts, for builds behind a proxy that has a certificate of its own.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  tar -C "$root" -c . | podman import \
    --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    --change 'ENV NPM_CONFIG_CAFILE=/etc/ssl/certs/ca-certificates.crt' \
    - docker.io/library/node:20-slim >/dev/null 2>&1
  rm -rf "$root"
fi

# podman's own format has no health checks. One layer a stage saves vfs a full copy a line.
build() {
  step "build $1"
  nice -n 15 podman build --pull=never --isolation=chroot --network=host --format docker \
    --layers=false --file "$2" --tag "$1" . >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log"; fail "build $1"; }
  podman history --format '{{.Size}} {{.CreatedBy}}' "$1" | grep -v '^0 B' | cut -c 1-60
}
build dshackle:latest Dockerfile
build dshackle-example:latest examples/docker/nodes.Dockerfile

step 'start'
# In a network namespace of its own, where the bridge and what is published live and end.
# shellcheck disable=SC2016 # the inner shell expands it
unshare --net sh -c 'ip link set lo up && exec podman system service --time=0 "$DOCKER_HOST"' \
  2>"$work/service.log" &
service=$!
container() { echo "dshackle-check_$1_1"; }
running() { podman ps --format '{{.Names}}' 2>/dev/null; }
# podman leaves the timing of health checks to systemd, which need not be here.
while sleep 2; do
  for name in $(running); do podman healthcheck run "$name" >/dev/null 2>&1 || true; done
done &
checks=$!
until [ -S "$work/podman.sock" ]; do sleep 0.2; done
compose up -d --no-build 2>&1 | grep -v -e '\.\.\. $' || true

lines() { podman logs "$(container client)" 2>&1 | grep '^best' || true; }
# Waits until the client has printed that many blocks more.
more_blocks() {
  local before
  before=$(lines | wc -l)
  for _ in $(seq 120); do
    if [ "$(lines | wc -l)" -ge $((before + $1)) ]; then lines | tail -n 2; return; fi
    sleep 1
  done
  fail "the client printed no $1 more blocks"
}
# Waits until the balancer has said that of a node that often.
balancer_says() {
  for _ in $(seq 120); do
    if [ "$(podman logs "$(container dshackle)" 2>&1 | grep -c -- "$1")" -ge "$2" ]; then return; fi
    sleep 1
  done
  fail "the balancer did not say $2 times: $1"
}
more_blocks 3

step 'who and what runs'
for name in dshackle node-1 client; do
  echo "$name: $(podman exec "$(container $name)" id)"
  [ "$(podman exec "$(container $name)" id -u)" = 1000 ] || fail "$name runs as another user"
  podman exec "$(container $name)" sh -c 'echo > /app/new' 2>/dev/null && fail "$name can write"
  grep -q '^CapEff:	0*$' <(podman exec "$(container $name)" cat /proc/self/status) ||
    fail "$name has capabilities"
done
for name in dshackle node-1 node-2; do
  health=$(podman inspect --format '{{.State.Health.Status}}' "$(container $name)")
  echo "$name: $health"
  [ "$health" = healthy ] || fail "$name is not healthy"
done
echo "published: $(podman port "$(container dshackle)")"
nsenter --net --target "$service" node -e "
  fetch('http://127.0.0.1:8080/').then((answer) => answer.text()).then(console.log)"

step 'stop node-2, which follows'
compose stop node-2 2>/dev/null
balancer_says 'does not serve.*node-2' 1
more_blocks 3
compose start node-2 2>/dev/null
balancer_says 'upstream serves.*node-2' 2

step 'stop node-1, which builds the blocks'
compose stop node-1 2>/dev/null
balancer_says 'does not serve.*node-1' 1
more_blocks 3
compose start node-1 2>/dev/null
balancer_says 'upstream serves.*node-1' 2
more_blocks 2

step 'pause node-1: it accepts connections and answers nothing'
podman pause "$(container node-1)" >/dev/null
balancer_says 'does not serve.*node-1' 2
more_blocks 3
podman unpause "$(container node-1)" >/dev/null
balancer_says 'upstream serves.*node-1' 3
more_blocks 2

step 'what the client saw'
podman logs "$(container client)" 2>&1 | grep -e FAILED -e 'NOT IN ORDER' && fail 'see above'
echo "$(lines | wc -l) blocks, none missing, no call failed"

step 'stop the balancer'
started=$(date +%s%N)
compose stop dshackle 2>/dev/null
took=$((($(date +%s%N) - started) / 1000000))
code=$(podman inspect --format '{{.State.ExitCode}}' "$(container dshackle)")
podman logs "$(container dshackle)" 2>&1 | tail -n 2
echo "exit code $code after $took ms"
[ "$code" = 0 ] || fail 'SIGTERM must end it with 0'
