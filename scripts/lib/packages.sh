# shellcheck shell=bash
# Debian packages for brokers started on this machine.

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "installing packages takes root and \`sudo\` is not there: install them yourself, or give the addresses in WELLSPRING_TEST_KAFKA and WELLSPRING_TEST_RABBITMQ"
    fi
}

# Installs package $2 because the program $1 is missing.
install_package() {
    local missing=$1 package=$2 log=$state/install.log
    command -v apt-get >/dev/null ||
        fail "\`$missing\` is missing and there is no \`apt-get\` to install it with: install it, or start a container engine"
    say "\`$missing\` is missing: installing the package \`$package\`"
    as_root "$scripts/lib/apt-install" "$package" >"$log" 2>&1 9>&- && return
    tail -n 20 "$log" >&2
    fail "the package \`$package\` could not be installed, see \`$log\`"
}
