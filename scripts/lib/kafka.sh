# shellcheck shell=bash
# Apache Kafka: one process that is broker and controller, from the jars of scripts/kafka/pom.xml.

kafka_home=$state/kafka
# Named after the list of jars, so that another version fetches its own.
kafka_jars=$state/kafka-jars-$(cksum <"$scripts/kafka/pom.xml" | cut -d ' ' -f 1)
readonly kafka_home kafka_jars

kafka_default_port() { echo 9092; }
kafka_own_address() { echo "127.0.0.1:$(port_of kafka)"; }
kafka_exports() {
    printf 'export WELLSPRING_TEST_KAFKA=%q\n' "$(address_of kafka)"
    [ "$(mode_of kafka)" = local ] && [ -f "$kafka_home/logins" ] || return 0
    printf 'export WELLSPRING_TEST_KAFKA_SASL=%q\n' "127.0.0.1:$(port_of kafka-sasl)"
    printf 'export WELLSPRING_TEST_KAFKA_SSL=%q\n' "127.0.0.1:$(port_of kafka-ssl)"
    printf 'export WELLSPRING_TEST_KAFKA_CA=%q\n' "$kafka_home/broker.pem"
}

kafka_mark() { echo "-Dwellspring.brokers=$identity"; }
kafka_program() { echo java; }

java_program() {
    local home=${JAVA_HOME-}
    if [ -n "$home" ] && [ -x "$home/bin/java" ]; then echo "$home/bin/java"; else echo java; fi
}

# Whether a metadata request (version 1, no topics) to host $1, port $2 names the broker: the
# answer is a length, the request's number and how many brokers there are.
kafka_answers() {
    local answer
    answer=$(exchange "$1" "$2" '\0\0\0\016\0\003\0\001\0\0\0\007\377\377\0\0\0\0' 12) || return 1
    [ "${answer:8}" = 0000000700000001 ]
}

kafka_prepare() {
    kafka_require_java
    [ -d "$kafka_jars" ] || kafka_fetch_jars
    claim_port kafka "$1"
    claim_port kafka-controller
    claim_port kafka-sasl
    claim_port kafka-ssl
    [ -s "$kafka_home/broker.pem" ] || kafka_make_certificate
    kafka_write_configuration
    [ -e "$kafka_home/data/meta.properties" ] || kafka_format
}

kafka_require_java() {
    local version
    command -v "$(java_program)" >/dev/null || install_package java default-jre-headless
    version=$("$(java_program)" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ] || fail "\`$(java_program)\` is version ${version:-unknown}, expected 17 or newer"
}

kafka_fetch_jars() {
    local log=$state/maven.log
    command -v mvn >/dev/null || install_package mvn maven
    say 'kafka: fetching its jars from Maven Central'
    rm -rf "$kafka_jars.new"
    if ! mvn -q -B -C -f "$scripts/kafka/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$kafka_jars.new" >"$log" 2>&1 9>&-; then
        tail -n 20 "$log" >&2
        fail "the jars of Kafka could not be fetched, see \`$log\`"
    fi
    mv "$kafka_jars.new" "$kafka_jars"
}

kafka_write_configuration() {
    local controller listeners
    controller=$(port_of kafka-controller)
    listeners=PLAINTEXT://127.0.0.1:$(port_of kafka)
    listeners+=,SASL_PLAINTEXT://127.0.0.1:$(port_of kafka-sasl),SSL://127.0.0.1:$(port_of kafka-ssl)
    {
        cat "$scripts/kafka/server.properties" "$scripts/kafka/secured.properties"
        echo "controller.quorum.voters=1@127.0.0.1:$controller"
        echo "listeners=$listeners,CONTROLLER://127.0.0.1:$controller"
        echo "advertised.listeners=$listeners"
        echo "log.dirs=$kafka_home/data"
        echo "ssl.keystore.location=$kafka_home/broker.p12"
    } >"$kafka_home/server.properties"
}

# A certificate for this machine that vouches for itself, to be trusted by tests alone.
kafka_make_certificate() {
    local keytool store=$kafka_home/broker.p12 log=$kafka_home/certificate.log
    keytool=$(dirname "$(readlink -f "$(command -v "$(java_program)")")")/keytool
    rm -f "$store"
    if ! "$keytool" -genkeypair -alias broker -keyalg EC -dname CN=localhost -validity 3650 \
        -ext san=ip:127.0.0.1,dns:localhost -ext bc:c -storetype PKCS12 -keystore "$store" -storepass wellspring >"$log" 2>&1 ||
        ! "$keytool" -exportcert -rfc -alias broker -keystore "$store" -storepass wellspring \
            -file "$kafka_home/broker.pem" >>"$log" 2>&1; then
        fail "no certificate for Kafka could be made, see \`$log\`"
    fi
}

# Runs class $1 of Kafka's own tools.
kafka_tool() {
    "$(java_program)" -Dlog4j2.configurationFile="$scripts/kafka/log4j2.properties" -cp "$kafka_jars/*" "$@"
}

kafka_format() {
    local log=$kafka_home/format.log cluster
    if ! { cluster=$(kafka_tool kafka.tools.StorageTool random-uuid 2>"$log" | tail -n 1) &&
        kafka_tool kafka.tools.StorageTool format -t "$cluster" -c "$kafka_home/server.properties" \
            --add-scram 'SCRAM-SHA-512=[name=wellspring,password=spring-water]' >>"$log" 2>&1; }; then
        tail -n 20 "$log" >&2
        fail "the data folder of Kafka could not be formatted, see \`$log\`"
    fi
    # Data that was formatted without users knows none.
    touch "$kafka_home/logins"
}

kafka_run() {
    cd "$kafka_home" || exit 1
    exec setsid "$(java_program)" -Xms128m -Xmx512m "$(kafka_mark)" \
        -Dlog4j2.configurationFile="$scripts/kafka/log4j2.properties" \
        -cp "$kafka_jars/*" kafka.Kafka "$kafka_home/server.properties"
}

kafka_clean_up() { :; }
