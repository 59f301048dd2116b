# shellcheck shell=bash
# What all parts share: messages, the state folder, its lock, ports and addresses.

names=(kafka rabbitmq)
root=$(cd "$scripts/.." && pwd -P)
state=$root/.brokers
deadline=${WELLSPRING_BROKERS_DEADLINE:-120}
# Tells the processes and containers of this checkout from those of another.
identity=wellspring-$(printf '%s' "$root" | cksum | cut -d ' ' -f 1)
readonly names root state deadline identity

say() { echo "$*"; }

fail() {
    echo "brokers: $*" >&2
    exit 1
}

check_name() {
    case "$1" in
        kafka | rabbitmq) ;;
        *) fail "unknown broker \`$1\`, expected \`kafka\` or \`rabbitmq\`" ;;
    esac
}

# Refuses to touch a broker that was not started here; $2 says what cannot be done.
check_ours() {
    ! is_given "$1" || fail "$1 is given by $(variable_of "$1"), not started here: it cannot be $2"
}

# Lets one invocation at a time change things; held on descriptor 9 until this process ends.
# Servers must be started with `9>&-`, or they would hold it as long as they live.
lock() {
    mkdir -p "$state"
    exec 9>"$state/lock"
    flock -n 9 && return
    say 'waiting for another scripts/brokers to finish'
    flock -w 900 9 || fail "another scripts/brokers has held \`$state/lock\` for 900 s"
}

# The port remembered under key $1, or nothing.
port_of() {
    [ ! -f "$state/ports" ] || sed -n "s/^$1=//p" "$state/ports"
}

remember_port() {
    {
        [ ! -f "$state/ports" ] || sed "/^$1=/d" "$state/ports"
        echo "$1=$2"
    } >"$state/ports.new"
    mv "$state/ports.new" "$state/ports"
}

# Whether something accepts connections on host $1, port $2.
listens() {
    # shellcheck disable=SC2016
    timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' listens "$@" 2>/dev/null
}

# A port nobody listens on, below those the system hands to clients: a client that keeps
# trying to reach a stopped server must not be given the server's own port.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        if ! listens 127.0.0.1 "$port" && ! grep -qs "=$port\$" "$state/ports"; then
            echo "$port"
            return
        fi
    done
}

# Waits until nobody listens on port $1: what was killed gives up its ports a little after its
# process is gone.
wait_until_free() {
    local tenths=100
    while listens 127.0.0.1 "$1"; do
        [ $((tenths -= 1)) -ge 0 ] || return 1
        sleep 0.1
    done
}

# Makes sure that key $1 has a port that can be listened on: the wanted one $2 if any, else the
# remembered one, else a new one.
claim_port() {
    local key=$1 wanted=${2-} port
    port=${wanted:-$(port_of "$key")}
    if [ -n "$port" ] && ! wait_until_free "$port"; then
        [ -z "$wanted" ] || fail "port $wanted, asked for $key, is taken by another program"
        say "$key: port $port is taken by another program, choosing a new one"
        port=
    fi
    remember_port "$key" "${port:-$(free_port)}"
}

# The environment variable that gives the address of broker $1.
variable_of() {
    case "$1" in
        kafka) echo WELLSPRING_TEST_KAFKA ;;
        rabbitmq) echo WELLSPRING_TEST_RABBITMQ ;;
    esac
}

# The environment variable that asks for a port of broker $1.
port_variable_of() {
    case "$1" in
        kafka) echo WELLSPRING_KAFKA_PORT ;;
        rabbitmq) echo WELLSPRING_RABBITMQ_PORT ;;
    esac
}

given_address() {
    local variable
    variable=$(variable_of "$1")
    echo "${!variable-}"
}

# Whether the environment names a broker that was not started here: `env` exports our own
# addresses under the same names.
is_given() {
    local given
    given=$(given_address "$1")
    [ -n "$given" ] && { [ -z "$(port_of "$1")" ] || [ "$given" != "$("$1_own_address")" ]; }
}

address_of() {
    if is_given "$1"; then given_address "$1"; else "$1_own_address"; fi
}

# The address of broker $1 for people to read: the password of a given one is nobody's business.
shown_address() {
    if is_given "$1"; then
        given_address "$1" | sed -E 's#//([^:/@]*):[^/@]*@#//\1:***@#'
    else
        "$1_own_address"
    fi
}

# The first host and port in an address such as `a:1,b:2` or `amqp://user:pw@host:5672/%2f`.
host_and_port() {
    local rest=${1#*://} port
    rest=${rest%%,*}
    rest=${rest%%/*}
    rest=${rest##*@}
    port=${rest##*:}
    [ "$port" != "$rest" ] || port=$2
    echo "${rest%:*} $port"
}

# Sends octal-escaped bytes $3 to host $1, port $2 and prints the first $4 bytes of the answer in hex.
exchange() {
    # shellcheck disable=SC2016
    timeout 3 bash -c '
        exec 3<>"/dev/tcp/$1/$2" && printf "$3" >&3 && head -c "$4" <&3 | od -An -v -tx1 | tr -d " \n"
    ' exchange "$@" 2>/dev/null
}

# Whether broker $1 answers in its own protocol; of one that is given, which may want TLS or a
# login first, only that it listens.
answers() {
    local host port
    read -r host port < <(host_and_port "$(address_of "$1")" "$("$1_default_port")")
    if is_given "$1"; then
        listens "$host" "$port"
    else
        "$1_answers" "$host" "$port"
    fi
}
