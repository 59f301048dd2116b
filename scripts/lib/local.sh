# shellcheck shell=bash
# Brokers as processes of this machine. Each is found by a mark among its arguments, so that no
# stale pid can ever name a stranger.

# The processes that carry the mark of broker $1: the server and, for RabbitMQ, its start script.
marked_pids() {
    # The pattern comes by standard input, or grep would find itself.
    "$1_mark" | grep -lzsxF -f - /proc/[0-9]*/cmdline | cut -d / -f 3
}

# The process that is the server itself, or nothing.
server_pid() {
    local pid
    for pid in $(marked_pids "$1"); do
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$("$1_program")" ]; then echo "$pid"; fi
    done
}

local_is_alive() { [ -n "$(marked_pids "$1")" ]; }

local_launch() {
    local name=$1 wanted
    wanted=$(port_variable_of "$name")
    wanted=${!wanted-}
    if local_is_alive "$name"; then
        [ "${wanted:-$(port_of "$name")}" = "$(port_of "$name")" ] ||
            fail "$name already runs on port $(port_of "$name") and $(port_variable_of "$name") asks for $wanted: run \`scripts/brokers down\` first"
        return
    fi
    "${name}_prepare" "$wanted"
    say "$name: starting, its log is $state/$name/log"
    # Erlang sizes tables by this limit and Kafka holds a file per log segment.
    ulimit -Sn 65536 2>/dev/null || true
    "${name}_run" </dev/null >>"$state/$name/log" 2>&1 9>&- &
    # Until the new process has its arguments it does not carry the mark.
    until local_is_alive "$name" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
}

wait_until_gone() {
    local name=$1 tenths=$(($2 * 10))
    while local_is_alive "$name"; do
        [ $((tenths -= 1)) -ge 0 ] || return 1
        sleep 0.1
    done
}

# Stops broker $1 gracefully.
local_halt() {
    local name=$1 pid
    pid=$(server_pid "$name")
    [ -n "$pid" ] || return 0
    say "$name: stopping"
    kill -TERM "$pid"
    wait_until_gone "$name" 60 && return
    say "$name: still there after 60 s, killing it"
    local_kill "$name"
}

local_stop() {
    local_halt "$1"
    "$1_clean_up"
}

local_kill() {
    local name=$1 pid
    pid=$(server_pid "$name")
    [ -n "$pid" ] || fail "$name does not run: nothing to kill"
    kill -KILL "$pid"
    wait_until_gone "$name" 10 || fail "$name is still there 10 s after kill -9 of process $pid"
}

local_purge() { rm -rf "${state:?}/$1"; }

local_log() {
    [ -f "$state/$1/log" ] || fail "$1 has no log yet: \`scripts/brokers up $1\` starts it"
    tail -n "$2" "$state/$1/log"
}
