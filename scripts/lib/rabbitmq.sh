# shellcheck shell=bash
# RabbitMQ: one node with the management and stream plugins, apart from the system's own:
# configuration, data, cookie and even Erlang's port mapper are this checkout's.

rabbitmq_home=$state/rabbitmq
rabbitmq_node=wellspring@localhost
rabbitmq_tls=$rabbitmq_home/tls
readonly rabbitmq_home rabbitmq_node rabbitmq_tls

rabbitmq_default_port() { echo 5672; }
rabbitmq_own_address() { echo "amqp://guest:guest@127.0.0.1:$(port_of rabbitmq)/%2f"; }
rabbitmq_tls_address() { echo "amqps://guest:guest@localhost:$(port_of rabbitmq-tls)/%2f"; }
rabbitmq_management() { echo "http://127.0.0.1:$(port_of rabbitmq-management)"; }

rabbitmq_exports() {
    printf 'export WELLSPRING_TEST_RABBITMQ=%q\n' "$(address_of rabbitmq)"
    if ! is_given rabbitmq; then
        printf 'export WELLSPRING_TEST_RABBITMQ_MANAGEMENT=%q\n' "$(rabbitmq_management)"
        if [ -s "$rabbitmq_tls/client.pem" ]; then
            printf 'export WELLSPRING_TEST_RABBITMQ_TLS=%q\n' "$(rabbitmq_tls_address)"
            printf 'export WELLSPRING_TEST_RABBITMQ_CERTIFICATES=%q\n' "$rabbitmq_tls"
        fi
    fi
}

rabbitmq_mark() { echo "$identity"; }
rabbitmq_program() { echo beam.smp; }

# The server's script itself: Debian's wrapper on the path would switch to another user.
rabbitmq_script() {
    local debian=/usr/lib/rabbitmq/bin/rabbitmq-server
    if [ -x "$debian" ]; then echo "$debian"; else command -v rabbitmq-server; fi
}

# Whether the greeting of AMQP 0.9.1 to host $1, port $2 is answered by `connection.start`: a method
# frame on channel 0, its length, class 10, method 10. Clients are let in after everything else.
rabbitmq_answers() {
    local answer
    answer=$(exchange "$1" "$2" 'AMQP\0\0\011\001' 11) || return 1
    [[ $answer = 010000????????000a000a ]]
}

rabbitmq_prepare() {
    [ -n "$(rabbitmq_script)" ] || install_package rabbitmq-server rabbitmq-server
    claim_port rabbitmq "$1"
    claim_port rabbitmq-management
    claim_port rabbitmq-stream
    rabbitmq_write_certificates
    [ ! -s "$rabbitmq_tls/client.pem" ] || claim_port rabbitmq-tls
    claim_port rabbitmq-distribution
    # The port mapper outlives a killed node.
    rabbitmq_mapper -names >/dev/null 2>&1 || claim_port rabbitmq-mapper
    rabbitmq_write_configuration
}

rabbitmq_write_configuration() {
    cat >"$rabbitmq_home/rabbitmq.conf" <<CONFIGURATION
listeners.tcp.1 = 127.0.0.1:$(port_of rabbitmq)
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port_of rabbitmq-management)
stream.listeners.tcp.1 = 127.0.0.1:$(port_of rabbitmq-stream)
stream.advertised_host = 127.0.0.1
stream.advertised_port = $(port_of rabbitmq-stream)
disk_free_limit.absolute = 10MB
CONFIGURATION
    [ -s "$rabbitmq_tls/client.pem" ] || return 0
    cat >>"$rabbitmq_home/rabbitmq.conf" <<CONFIGURATION
listeners.ssl.1 = 127.0.0.1:$(port_of rabbitmq-tls)
ssl_options.cacertfile = $rabbitmq_tls/ca.pem
ssl_options.certfile = $rabbitmq_tls/server.pem
ssl_options.keyfile = $rabbitmq_tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
CONFIGURATION
}

# An authority of this checkout's own, a certificate of it for the server and one for a client.
# Without openssl there is no encrypted port, and the tests that need one are skipped.
rabbitmq_write_certificates() {
    [ ! -s "$rabbitmq_tls/client.pem" ] || return 0
    command -v openssl >/dev/null || return 0
    mkdir -p "$rabbitmq_tls"
    rabbitmq_openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=wellspring test authority' \
        -keyout "$rabbitmq_tls/ca.key" -out "$rabbitmq_tls/ca.pem"
    rabbitmq_certificate server localhost 'subjectAltName=DNS:localhost'
    rabbitmq_certificate client wellspring 'extendedKeyUsage=clientAuth'
}

# Key and certificate $1 for the name $2 with the extension $3. The certificate comes last and whole.
rabbitmq_certificate() {
    local name=$rabbitmq_tls/$1
    rabbitmq_openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$name.key" -out "$name.csr"
    rabbitmq_openssl x509 -req -in "$name.csr" -CA "$rabbitmq_tls/ca.pem" -CAkey "$rabbitmq_tls/ca.key" \
        -CAcreateserial -days 3650 -extfile <(echo "$3") -out "$name.new"
    mv "$name.new" "$name.pem"
}

rabbitmq_openssl() {
    openssl "$@" 2>>"$rabbitmq_tls/openssl.log" || fail "openssl failed: see $rabbitmq_tls/openssl.log"
}

# What the node and its tools read instead of the system's settings.
rabbitmq_environment() {
    export HOME=$rabbitmq_home
    export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT
    ERL_EPMD_PORT=$(port_of rabbitmq-mapper)
    export RABBITMQ_NODENAME=$rabbitmq_node RABBITMQ_DIST_PORT
    RABBITMQ_DIST_PORT=$(port_of rabbitmq-distribution)
    export RABBITMQ_CONF_ENV_FILE=$rabbitmq_home/none
    export RABBITMQ_CONFIG_FILE=$rabbitmq_home/rabbitmq.conf
    export RABBITMQ_CONFIG_FILES=$rabbitmq_home/none
    export RABBITMQ_ADVANCED_CONFIG_FILE=$rabbitmq_home/none
    export RABBITMQ_ENABLED_PLUGINS_FILE=$scripts/rabbitmq/enabled_plugins
    export RABBITMQ_MNESIA_BASE=$rabbitmq_home/data RABBITMQ_MNESIA_DIR=$rabbitmq_home/data/node
    export RABBITMQ_GENERATED_CONFIG_DIR=$rabbitmq_home/generated RABBITMQ_SCHEMA_DIR=$rabbitmq_home/schema
    export RABBITMQ_PID_FILE=$rabbitmq_home/pid
    export RABBITMQ_LOG_BASE=$rabbitmq_home RABBITMQ_LOGS=-
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
}

rabbitmq_run() {
    rabbitmq_environment
    cd "$rabbitmq_home" || exit 1
    exec setsid "$(rabbitmq_script)" -wellspring_brokers "$(rabbitmq_mark)"
}

# Runs the client of Erlang's port mapper for our own mapper.
rabbitmq_mapper() {
    [ -n "$(port_of rabbitmq-mapper)" ] || return 1
    epmd -address 127.0.0.1 -port "$(port_of rabbitmq-mapper)" "$@"
}

rabbitmq_clean_up() { rabbitmq_mapper -kill >/dev/null 2>&1 || true; }
