# shellcheck shell=bash
# Brokers in containers, as compose.yaml describes them.

engine_answers() {
    command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1
}

compose() {
    WELLSPRING_KAFKA_PORT=$(port_of kafka) \
        WELLSPRING_RABBITMQ_PORT=$(port_of rabbitmq) \
        WELLSPRING_RABBITMQ_MANAGEMENT_PORT=$(port_of rabbitmq-management) \
        WELLSPRING_RABBITMQ_STREAM_PORT=$(port_of rabbitmq-stream) \
        docker compose --file "$root/compose.yaml" --project-name "$identity" "$@" 9>&-
}

compose_is_alive() { [ -n "$(compose ps --status running --quiet "$1")" ]; }

compose_launch() {
    local name=$1 wanted
    compose_is_alive "$name" && return
    wanted=$(port_variable_of "$name")
    claim_port "$name" "${!wanted-}"
    if [ "$name" = rabbitmq ]; then
        claim_port rabbitmq-management
        claim_port rabbitmq-stream
    fi
    say "$name: starting its container"
    compose up --detach "$name"
}

compose_halt() { compose stop "$1"; }
compose_kill() { compose kill --signal KILL "$1"; }
compose_stop() { compose rm --stop --force "$1"; }
compose_purge() { docker volume rm --force "${identity}_$1" >/dev/null; }
compose_log() { compose logs --no-log-prefix --tail "$2" "$1"; }
