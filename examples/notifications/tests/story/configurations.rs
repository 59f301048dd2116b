//! The three configurations of the same code, and the commands that only look.

use super::notifications;

const BOTH: &str = "\
BINDING                    FUNCTION              DIRECTION  DESTINATION         GROUP     BINDER  NOTES
emailsms-in-0              email|sms             in         send-communication  message   memory  3 attempts, then to `send-communication.message.dlq`
emailsms-out-0             email|sms             out        communication-sent            memory
update_communication-in-0  update_communication  in         communication-sent  accounts  memory  3 attempts, then to `communication-sent.accounts.dlq`
send-communication         (sent from code)      out        send-communication            memory

http on 0.0.0.0:8080: 5 functions
";

const ACCOUNTS: &str = "\
BINDING                    FUNCTION              DIRECTION  DESTINATION         GROUP     BINDER  NOTES
update_communication-in-0  update_communication  in         communication-sent  accounts  memory  3 attempts, then to `communication-sent.accounts.dlq`
emailsms-in-0              (not run)                                                              its function is not in `function.definition`
emailsms-out-0             (not run)                                                              its function is not in `function.definition`
send-communication         (sent from code)      out        send-communication            memory

http on 0.0.0.0:8080: 5 functions
";

const MESSAGE: &str = "\
BINDING                    FUNCTION          DIRECTION  DESTINATION         GROUP    BINDER  NOTES
emailsms-in-0              email|sms         in         send-communication  message  memory  3 attempts, then to `send-communication.message.dlq`
emailsms-out-0             email|sms         out        communication-sent           memory
update_communication-in-0  (not run)                                                         its function is not in `function.definition`
send-communication         (sent from code)  out        send-communication           memory

http on 0.0.0.0:9010: 5 functions
";

#[test]
fn each_is_checked_without_a_broker_a_port_or_a_database() {
    let program = notifications();
    for (args, table) in [
        (&["check"][..], BOTH),
        (&["check", "--profile", "accounts"], ACCOUNTS),
        (&["check", "--profile", "message"], MESSAGE),
    ] {
        let ran = program.run(args);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), table, ""), "{args:?}");
    }
    assert_eq!(program.run(&["functions"]).code, Some(0));
    assert_eq!(program.files(), [""; 0], "looking creates no database");
}

#[test]
fn each_profile_runs_alone() {
    for profile in ["accounts", "message"] {
        let service = notifications().start(&["--profile", profile]);
        let message = r#"{"accountNumber":7,"name":"Bob","email":"b@example.org","mobileNumber":"5"}"#;
        assert_eq!(service.post("/email,sms", message).body, "7");
        service.stop();
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_every_problem() {
    let yaml = "
function: { definition: email|smss }
stream:
  bindings:
    emailsms-in-0: { destination: send-communication, group: message }
    emialsms-in-0: { destination: send-communication }
";
    let ran = notifications().file("application.yaml", yaml).run(&["check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        ran.stderr,
        "\
2 problems in the configuration:
  1. application.yaml:2:25: `function.definition`: no function is named `smss`, did you mean `sms`?
  2. application.yaml:6:35: `stream.bindings.emialsms-in-0`: no function has the input `emialsms-in-0`
"
    );
}

#[test]
fn the_same_files_are_understood_in_the_words_of_spring() {
    let program = notifications()
        .file("application.properties", "server.port=9999\nspring.cloud.function.definition=email|sms\n")
        .env("SPRING_CLOUD_STREAM_BINDINGS_EMAILSMS_IN_0_GROUP", "other");
    let ran = program.run(&["check"]);
    let row = "emailsms-in-0              email|sms         in         send-communication  other";
    assert!(ran.stdout.contains(row) && ran.stdout.contains("http on 0.0.0.0:9999"), "{ran:?}");
}
